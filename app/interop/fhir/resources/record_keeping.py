"""Provenance and Consent: who corrected which record, and what the patient agreed to."""

from typing import Final

from app.access.clinics.permissions import Permission
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import Json, coding, compact, concept, instant, own_concept, to_actor, to_resource
from app.interop.fhir.resource_type import ResourceType, Subject
from app.interop.fhir.resources.observation import CHECK_IN_TAG, TOTAL_TAG
from app.storage import consents, record_versions
from app.storage.consents import Consent
from app.storage.record_versions import Correction, RecordKind, RecordVersion

_OPERATIONS: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_ACTIVITIES: Final = {
    Correction.AMENDED: coding(_OPERATIONS, "UPDATE", "revise"),
    Correction.VOIDED: coding(_OPERATIONS, "NULLIFY", "nullify"),
    Correction.RESTORED: coding(_OPERATIONS, "REACTIVATE", "reactivate"),
}
# Which resources show a record, each with the tag of its id.
_SHOWN_AS: Final = {
    RecordKind.INFUSION: (("Procedure", ""), ("MedicationAdministration", "")),
    RecordKind.ASSESSMENT: (("Observation", TOTAL_TAG),),
    RecordKind.COURSE: (("EpisodeOfCare", ""),),
    RecordKind.CHECK_IN: (("Observation", CHECK_IN_TAG),),
}


async def _provenances(work: Work, subject: Subject) -> list[Json]:
    found = await record_versions.all_of_patient(work, subject.id)
    return [_provenance(subject, one) for one in found if RecordKind(one.kind) in _SHOWN_AS]


def _provenance(subject: Subject, one: RecordVersion) -> Json:
    shown = [
        to_resource(name, resource_id(subject.id, one.record_id, tag))
        for name, tag in _SHOWN_AS[RecordKind(one.kind)]
    ]
    if one.kind == RecordKind.ASSESSMENT and one.content.get("items"):
        shown.append(to_resource("QuestionnaireResponse", resource_id(subject.id, one.record_id)))
    return {
        "resourceType": "Provenance",
        "id": resource_id(subject.id, one.id),
        "meta": subject.meta(one.id, one.replaced_at),
        "target": shown,
        "recorded": instant(one.replaced_at),
        "activity": {"coding": [_ACTIVITIES[Correction(one.correction)]]},
        "agent": [{"who": to_actor(one.actor_kind, one.actor_id)}],
    }


async def _consents(work: Work, subject: Subject) -> list[Json]:
    found = await consents.all_of_patient(work, subject.id)
    return [_consent(work, subject, one, one is found[-1]) for one in found]


def _consent(work: Work, subject: Subject, one: Consent, last: bool) -> Json:
    given = one.kind == "given"
    made = {
        "resourceType": "Consent",
        "id": resource_id(subject.id, one.id),
        "meta": subject.meta(one.id, one.at),
        "status": "active" if given and last else ("inactive" if given else "rejected"),
        "scope": concept(
            "Treatment",
            coding("http://terminology.hl7.org/CodeSystem/consentscope", "treatment", "Treatment"),
        ),
        "category": [own_concept("consent", "monitoring-between-visits")],
        "patient": subject.reference,
        "dateTime": instant(one.at),
        "organization": [to_actor("clinic", work.clinic_id)],
        "policy": [{"uri": f"urn:afterglow:consent-text:{one.version or 'none'}"}],
    }
    return compact(made)


PROVENANCE: Final = ResourceType(
    name="Provenance",
    permission=Permission.TREATMENT_READ,
    noun="corrections",
    documentation="Who replaced a version of a record, and when.",
    of_patient=_provenances,
    dates={"recorded": "recorded"},
    tokens={"target": "target"},
)
CONSENT: Final = ResourceType(
    name="Consent",
    permission=Permission.PATIENTS_READ,
    noun="consents",
    documentation="What the patient agreed to and took back, one resource an answer.",
    of_patient=_consents,
    dates={"date": "dateTime"},
    tokens={"status": "status", "category": "category"},
    patient="patient",
)
