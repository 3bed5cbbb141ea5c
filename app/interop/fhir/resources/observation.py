"""Observation: daily check-ins by our own codes, and the totals of forms by LOINC where it has them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.assessments.queries import list_scales
from app.care.check_ins.queries import open_note
from app.clinical.domains import REPORTED_NUMBERS
from app.clinical.long_exposure import LONG_EXPOSURE
from app.clinical.scales import Scale, band_of
from app.context import Work
from app.interop.fhir.codes import (
    LOINC,
    Json,
    coding,
    compact,
    concept,
    id_of,
    identifier,
    instant,
    moment,
    own_concept,
    quantity,
    score,
    to_resource,
)
from app.interop.fhir.resource_type import ResourceType, Subject
from app.interop.fhir.resources.forms import form_identifiers, forms_of
from app.storage import check_ins
from app.storage.assessments import StoredAssessment
from app.storage.check_ins import StoredCheckIn

CHECK_IN: Final = "check-in"
CHECK_IN_TAG, TOTAL_TAG = "c-", "t-"
"""What the ids of the two kinds begin with: a phone may use one id for one of each."""
_SURVEY: Final = concept(
    "Survey", coding("http://terminology.hl7.org/CodeSystem/observation-category", "survey", "Survey")
)
# As many as a patient could ever have sent.
_ALL: Final = 1_000_000


async def _of_patient(work: Work, subject: Subject) -> list[Json]:
    reports = await check_ins.since(work, subject.id, sequence=0, limit=_ALL)
    scales = {one.key: one for one in await list_scales(work)}
    totals = [
        _total(subject, scales[stored.scale], stored, version, counts)
        for stored, version, counts in await forms_of(work, subject)
        # What it asks is for review, and has no total that means anything.
        if stored.scale in scales and stored.scale != LONG_EXPOSURE.key
    ]
    return [*_check_ins(work, subject, reports), *totals]


def _check_ins(work: Work, subject: Subject, reports: Sequence[StoredCheckIn]) -> list[Json]:
    arrived = {UUID(one.check_in.id): one.received_at for one in reports}
    made = []
    for one in reports:
        # A report that another took the place of changed when that one came.
        replaced_at = arrived.get(one.superseded_by) if one.superseded_by else None
        known = [at for at in (one.received_at, one.withdrawn_at, replaced_at) if at is not None]
        report_id = UUID(one.check_in.id)
        counts = one.superseded_by is None and one.withdrawn_at is None
        note = open_note(work.vault, work.clinic_id, one)
        resource = {
            "resourceType": "Observation",
            "id": id_of(subject.id, report_id, CHECK_IN_TAG),
            "meta": subject.meta(report_id, max(known)),
            "identifier": [identifier(CHECK_IN, report_id)],
            "status": "final" if counts else "entered-in-error",
            "category": [_SURVEY],
            "code": own_concept("observation", CHECK_IN, "Daily check-in"),
            "subject": subject.reference,
            "effectiveDateTime": moment(one.check_in.recorded_at, one.check_in.time_zone),
            "issued": instant(one.received_at),
            "performer": [subject.reference],
            "note": [{"text": note}] if note else [],
            "component": _components(one),
        }
        made.append(compact(resource))
    return made


def _components(one: StoredCheckIn) -> list[Json]:
    report = one.check_in
    values = {
        name: quantity(value, unit, unit) if (unit := REPORTED_NUMBERS[name].unit) else score(value)
        for name, value in report.reported.items()
        if value is not None
    }
    asked = {"asks_about_booster": report.asks_about_booster, "self_harm_thoughts": report.self_harm_thoughts}
    return [
        {"code": own_concept(CHECK_IN, name), "valueQuantity": value} for name, value in values.items()
    ] + [{"code": own_concept(CHECK_IN, name), "valueBoolean": True} for name, said in asked.items() if said]


def _total(subject: Subject, scale: Scale, stored: StoredAssessment, version: int, counts: bool) -> Json:
    words = f"{scale.name}: total"
    codes = [coding(LOINC, scale.loinc.total)] if scale.loinc.total else []
    band = band_of(scale, stored.total)
    form = to_resource("QuestionnaireResponse", id_of(subject.id, stored.id))
    resource = {
        "resourceType": "Observation",
        "id": id_of(subject.id, stored.id, TOTAL_TAG),
        "meta": subject.meta(stored.id, stored.received_at, version),
        "identifier": form_identifiers(stored),
        "status": "final" if counts else "entered-in-error",
        "category": [_SURVEY],
        "code": concept(words, *codes, coding("scale", scale.key, scale.name)),
        "subject": subject.reference,
        "effectiveDateTime": moment(stored.taken_at, stored.time_zone),
        "issued": instant(stored.received_at),
        "valueQuantity": score(stored.total),
        "interpretation": [own_concept("band", band.value)] if band else [],
        "derivedFrom": [form] if stored.items else [],
    }
    return compact(resource)


OBSERVATION: Final = ResourceType(
    name="Observation",
    permission=Permission.TREATMENT_READ,
    noun="observations",
    documentation="A daily check-in, its answers as components, or the total of a form. What a patient corrected or "
    "took back is entered-in-error.",
    of_patient=_of_patient,
    dates={"date": "effectiveDateTime"},
    tokens={"code": "code", "category": "category", "status": "status", "identifier": "identifier"},
    patient="subject",
)
