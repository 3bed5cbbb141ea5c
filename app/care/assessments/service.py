"""Keeping completed forms: scored here, their safety item first of all, then what they say of the benefit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.assessments.questionnaires import WORDINGS
from app.care.assessments.refusals import (
    AssessmentConflictError,
    AssessmentExistsError,
    AssessmentInFutureError,
    AssessmentTooOldError,
    QuestionnaireNotOfferedError,
    ScaleNotKnownError,
    form_refused,
)
from app.care.assessments.reporting import report_item
from app.care.monitoring import effects
from app.care.patients.consent_standing import ConsentStanding, ConsentWithdrawnError, standing_of
from app.care.patients.service import existing
from app.clinical.check_ins import zone_of
from app.clinical.course import infusions_of_course
from app.clinical.history import ScaleTotals
from app.clinical.protocol import Protocol
from app.clinical.review import ResponseCategory, baseline_total, response_category
from app.clinical.scales import Scale, Score, score_form, score_total
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.ids import new_id
from app.storage import assessments, patient_states, treatment
from app.storage.access_records import record_access
from app.storage.assessments import StoredAssessment
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord

# A clinic's clock may be a little ahead of ours; more than this is a mistake.
_AHEAD: Final = timedelta(minutes=10)
# Further back the phone's memory is not to be trusted, as with check-ins.
_MOST_DAYS_BACK: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as told: answers by item number, a stated total, or both.

    A patient's own has an id that the phone chose, and the zone that the patient was in.
    """

    scale: str
    taken_at: datetime
    items: Mapping[int, int | None] | None
    total: float | None = None
    id: UUID | None = None
    time_zone: str | None = None

    @property
    def by_patient(self) -> bool:
        """Whether the patient answered it here."""
        return self.id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A form as kept, and what its total means.

    ``response`` compares it with the last total before treatment, once there was an infusion; ``created``
    tells a new one from one that was kept before; ``safety_event_id`` is set when its safety item acted.
    """

    stored: StoredAssessment
    score: Score
    response: ResponseCategory | None
    created: bool = False
    safety_event_id: UUID | None = None

    @property
    def taken_at(self) -> datetime:
        """When it was completed, by the patient's clock."""
        return self.stored.taken_at.astimezone(zone_of(self.stored.time_zone))


async def enter(
    context: AppContext, clinic_id: UUID, patient_id: UUID, form: Form, *, actor: Actor
) -> Assessment:
    """Keep a form; sent again it changes nothing.

    Raises:
        NotFoundError: the clinic has no such patient.
        AssessmentInFutureError: it was not completed yet.
        AssessmentTooOldError: a patient's own, and more than 30 days old.
        QuestionnaireNotOfferedError: a patient's own, of a scale whose wording is not shipped.
        ScaleNotKnownError: there is no such scale.
        FormRefusedError: incomplete, impossible, or its totals contradict each other.
        ConsentWithdrawnError: a patient's own, and new, after the patient withdrew consent.
        AssessmentConflictError: another form is kept under the id that the phone chose.
        AssessmentExistsError: another form of this scale was completed at this very time.
    """
    now = context.clock.now()
    _refuse_time(form, now)
    if form.by_patient and form.scale not in WORDINGS:
        raise QuestionnaireNotOfferedError("#/scale")
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        await patient_states.lock(work, patient_id)
        scale = await assessments.find_scale(work, form.scale)
        if scale is None:
            raise ScaleNotKnownError("#/scale")
        new = _scored(context, patient, scale, form, now=now)
        stored, created = await _kept(work, new, actor=actor, now=now)
        event_id = await report_item(work, context, patient, stored, actor=actor, now=now)
        if created:
            await effects.evaluate_or_later(work, context, patient_id, now=now)
        await work.commit()
    # What it means is worked out once it is kept: a mistake of ours there must not lose an answer to item 9.
    async with context.database.work(clinic_id) as work:
        (told,) = await _told(work, context, patient, [stored])
    return Assessment(
        stored=stored, score=told.score, response=told.response, created=created, safety_event_id=event_id
    )


async def list_of_patient(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, after: UUID | None, limit: int, actor: Actor
) -> list[Assessment]:
    """List a patient's forms in the order in which they were entered.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        stored = await assessments.page(work, patient_id, after=after, limit=limit)
        told = await _told(work, context, patient, stored)
        await record_access(work, "assessments", now=context.clock.now(), actor=actor, patient_id=patient_id)
    return told


async def latest_in(
    work: UnitOfWork, context: AppContext, patient: PatientRecord, *, limit: int
) -> list[Assessment]:
    """List the forms that a patient completed last, latest first, within a transaction."""
    return await _told(work, context, patient, await assessments.latest(work, patient.id, limit=limit))


def _refuse_time(form: Form, now: datetime) -> None:
    """Refuse a time that nobody can mean, and say ours: a phone's clock may be a year off."""
    if form.taken_at > now + _AHEAD:
        raise AssessmentInFutureError("#/taken_at").telling(server_time=now.isoformat())
    if form.by_patient and form.taken_at < now - _MOST_DAYS_BACK:
        raise AssessmentTooOldError("#/taken_at").telling(server_time=now.isoformat())


def _scored(
    context: AppContext, patient: PatientRecord, scale: Scale, form: Form, *, now: datetime
) -> StoredAssessment:
    scored = score_form(scale, items=form.items, stated_total=form.total, by_patient=form.by_patient)
    if scored.score is None:
        raise form_refused(scored.problems)
    items = {str(number): answer for number, answer in sorted((form.items or {}).items())}
    said: list[object] = [scale.key, scored.score.total, items]
    if form.by_patient:
        said += [form.taken_at.astimezone(UTC).isoformat(), form.time_zone]
    return StoredAssessment(
        id=form.id or new_id(),
        patient_id=patient.id,
        entered_by="patient" if form.by_patient else "clinic",
        scale=scale.key,
        taken_at=form.taken_at,
        time_zone=form.time_zone or patient.time_zone,
        total=scored.score.total,
        items=items or None,
        received_at=now,
        digest=context.vault.digest(
            b"assessment", patient.id.bytes, json.dumps(said, sort_keys=True).encode()
        ),
    )


async def _kept(
    work: UnitOfWork, new: StoredAssessment, *, actor: Actor, now: datetime
) -> tuple[StoredAssessment, bool]:
    """Keep it, or find the one that was kept before."""
    same_id = await assessments.find(work, new.patient_id, new.id)
    if same_id is not None:
        if same_id.digest != new.digest:
            raise AssessmentConflictError("#/id")
        return same_id, False
    if new.entered_by == "patient" and await standing_of(work, new.patient_id) is ConsentStanding.WITHDRAWN:
        raise ConsentWithdrawnError
    audit = AuditEvent(
        at=now,
        actor=actor,
        action="assessment.entered",
        subject_kind="assessment",
        subject_id=new.id,
        patient_id=new.patient_id,
    )
    if await assessments.add(work, new, audit=audit):
        return new, True
    earlier = await assessments.at_moment(work, new.patient_id, scale=new.scale, taken_at=new.taken_at)
    # A patient's own is known by its id: under another one it is another form.
    if earlier is None or earlier.digest != new.digest or new.entered_by == "patient":
        raise AssessmentExistsError("#/taken_at")
    return earlier, False


async def _told(
    work: UnitOfWork, context: AppContext, patient: PatientRecord, stored: Sequence[StoredAssessment]
) -> list[Assessment]:
    """Say what totals mean, each also beside the last one before treatment."""
    entries = {entry.scale.key: entry for entry in await assessments.totals_of_patient(work, patient.id)}
    course = await treatment.current_course(work, patient.id)
    given = infusions_of_course(
        course, await treatment.infusions(work, patient.id), time_zone=patient.time_zone
    )
    policy = await policy_in_force(work, context, now=context.clock.now())
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
