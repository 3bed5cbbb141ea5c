"""Patient: the chart number and the language; names and telephones are for people who sign in, and are not here."""

from typing import Final

from app.access.clinics.permissions import Permission
from app.care.patients.queries import patient_of
from app.context import Work
from app.interop.fhir.codes import Json, coding, compact, concept, identifier, to_patient
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import patient_merges

_IDENTIFIER_KINDS: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"


async def _of_patient(work: Work, subject: Subject) -> list[Json]:
    record = subject.patient
    patient = patient_of(work, record)
    merged = await patient_merges.holding(work, record.id) if record.archived_at is not None else None
    tag = patient.locale.replace("_", "-")
    made = {
        "resourceType": "Patient",
        "id": str(record.id),
        "meta": subject.meta(record.id, record.registered_at, record.version),
        "identifier": [
            {
                "type": concept("Chart number", coding(_IDENTIFIER_KINDS, "MR", "Medical record number")),
                **identifier(f"chart-number:{work.clinic_id}", patient.external_ref),
            }
        ],
        "active": record.archived_at is None,
        "deceasedBoolean": True if record.archived_reason == "deceased" else None,
        "communication": [{"language": concept(tag, coding("urn:ietf:bcp:47", tag)), "preferred": True}],
        "link": [{"other": to_patient(merged.into_id), "type": "replaced-by"}] if merged else [],
    }
    return [compact(made)]


PATIENT: Final = ResourceType(
    name="Patient",
    permission=Permission.PATIENTS_READ,
    noun="patient",
    documentation="By chart number. No name, telephone or address leaves by this interface.",
    of_patient=_of_patient,
    tokens={"identifier": "identifier", "active": "active"},
)
