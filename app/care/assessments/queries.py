"""Completed forms and scales: what is kept, and what the totals mean."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.access.clinics.policy import active_protocol
from app.care.patients.queries import existing
from app.clinical.check_ins import zone_of
from app.clinical.course import infusions_of_course
from app.clinical.history import ScaleTotals
from app.clinical.protocol import Protocol
from app.clinical.review import ResponseCategory, baseline_total, response_category
from app.clinical.scales import (
    STANDARD_SCALES,
    Scale,
    Score,
    read_custom_scales,
    score_total,
    with_remission_of,
)
from app.context import Work
from app.storage import assessments, courses, infusions
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord
from app.storage.record_versions import RecordKind, RecordStatus, voided_as


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A form as kept, and what its total means.

    ``response`` compares it with the last total before treatment, once there was an infusion; ``created``
    says whether it is new or was kept before; ``safety_event_id`` is set when its safety item acted.
    """

    stored: StoredAssessment
    score: Score
    response: ResponseCategory | None
    created: bool = False
    status: RecordStatus = RecordStatus.ACTIVE
    safety_event_id: UUID | None = None

    @property
    def taken_at(self) -> datetime:
        """When it was completed, by the patient's clock."""
        return self.stored.taken_at.astimezone(zone_of(self.stored.time_zone))


async def list_of_patient(
    work: Work, patient_id: UUID, *, with_errors: bool, after: UUID | None, limit: int
) -> list[Assessment]:
    """List a patient's forms, those that were completed last first, from the one after ``after`` on.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    work.record_access("assessments", patient_id=patient_id)
    found = [(one, RecordStatus.ACTIVE) for one in await assessments.all_of_patient(work, patient_id)]
    if with_errors:
        errors = await voided_as(work, patient_id, RecordKind.ASSESSMENT, assessments.from_version)
        found += [(one, RecordStatus.ENTERED_IN_ERROR) for one in errors]
    found.sort(key=lambda one: (one[0].taken_at, one[0].id), reverse=True)
    start = next((place + 1 for place, (one, _) in enumerate(found) if one.id == after), 0)
    page = found[start : start + limit]
    meant = await meaning_of(work, patient, [one for one, _ in page])
    return [replace(one, status=status) for one, (_, status) in zip(meant, page, strict=True)]


async def latest_of(
    work: Work, patient: PatientRecord, *, limit: int, until: datetime | None = None
) -> list[Assessment]:
    """List the forms that a patient completed last, latest first; with ``until`` also as many completed by then."""
    stored = await assessments.latest(work, patient.id, limit=limit)
    if until is not None:
        listed = {one.id for one in stored}
        earlier = await assessments.latest(work, patient.id, limit=limit, until=until)
        stored += [one for one in earlier if one.id not in listed]
    return await meaning_of(work, patient, stored)


async def list_scales(work: Work) -> list[Scale]:
    """List the validated scales as the clinic scores them now, then its own."""
    own = await assessments.own_scales(work)
    policy = await active_protocol(work)
    standard = (with_remission_of(scale, policy) for scale in STANDARD_SCALES.values())
    return [*standard, *read_custom_scales(own).scales.values()]


async def meaning_of(
    work: Work, patient: PatientRecord, stored: Sequence[StoredAssessment]
) -> list[Assessment]:
    """Say what totals mean, each also beside the last one before treatment."""
    entries = {entry.scale.key: entry for entry in await assessments.totals_of_patient(work, patient.id)}
    for key in {one.scale for one in stored} - set(entries):
        # All of this scale's forms were entered in error.
        scale = await assessments.find_scale(work, key)
        if scale is not None:
            entries[key] = ScaleTotals(scale=scale, totals=())
    course = await courses.current_course(work, patient.id)
    given = infusions_of_course(
        course, await infusions.infusions(work, patient.id), time_zone=patient.time_zone
    )
    policy = await active_protocol(work)
    first_at = given[0].given_at.astimezone(zone_of(patient.time_zone)) if given else None
    return [
        Assessment(
            stored=one,
            score=score_total(entries[one.scale].scale, one.total, protocol=policy),
            response=_response(entries[one.scale], one, first_at, policy),
        )
        for one in stored
    ]


def _response(
    entry: ScaleTotals, one: StoredAssessment, first_at: datetime | None, policy: Protocol
) -> ResponseCategory | None:
    if first_at is None or one.taken_at <= first_at:
        return None
    before = baseline_total(entry.totals, first_infusion_at=first_at, protocol=policy)
    if before is None:
        return None
    return response_category(entry.scale, baseline=before.total, now=one.total, protocol=policy)
