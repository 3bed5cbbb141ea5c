"""The course as it stands: phase, induction review with its options, and what staff may change of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.monitoring import effects
from app.care.patients.service import existing
from app.care.treatment.course_days import refuse_impossible
from app.care.treatment.factors import factors_in
from app.clinical.check_ins import check_in_day, zone_of
from app.clinical.course import (
    InductionEnd,
    Infusion,
    InfusionPhase,
    Phase,
    induction_end,
    infusions_of_course,
    phase_of,
)
from app.clinical.profiles import EXPECTED_SESSIONS, ExpectedSessions, fits_profile
from app.clinical.protocol import Protocol
from app.clinical.review import (
    EarlyResponse,
    InductionReview,
    early_response,
    induction_review,
    responses_after_induction,
)
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError
from app.storage import assessments, patient_states, treatment
from app.storage.access_records import record_access
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord
from app.storage.treatment import StoredCourse
from app.web.etags import ChangedMeanwhileError


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """A course as it stands; ``infusions`` are its own, in the order in which they were given."""

    stored: StoredCourse
    phase: Phase
    infusions: tuple[Infusion, ...]
    induction_end: InductionEnd | None
    review: InductionReview
    early: tuple[EarlyResponse, ...]
    expected: ExpectedSessions | None
    fits_profile: bool | None


async def read_course(context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor) -> CourseView:
    """Give the patient's present course.

    Raises:
        NotFoundError: there is no such patient, or no course.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        view = await _view(work, context, patient_id, now=now)
        await record_access(work, "course", now=now, actor=actor, patient_id=patient_id)
    return view


async def change_course(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    changes: Mapping[str, date | int | None],
    *,
    version: int,
    actor: Actor,
) -> CourseView:
    """Change what is given of the present course; None takes a day back.

    Raises:
        NotFoundError: there is no such patient, or no course.
        ChangedMeanwhileError: the version is not the current one.
        CourseDayInFutureError, CourseDayBeforeStartError, InductionEndsBeforeInfusionError,
        CourseEndsBeforeInfusionError: the course would be impossible.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        zone = (await existing(work, patient_id)).time_zone
        await patient_states.lock(work, patient_id)
        before = await _stored(work, patient_id)
        given = await _given(work, patient_id, before, zone=zone)
        refuse_impossible(before.course, given, changes, today=check_in_day(now, zone), zone=zone)
        values: dict[str, date | int | UUID | None] = dict(changes)
        if "benefit_recorded_on" in changes:
            values["benefit_recorded_by"] = actor.id if changes["benefit_recorded_on"] else None
        audit = AuditEvent(
            at=now,
            actor=actor,
            action="course.changed",
            subject_kind="course",
            subject_id=UUID(before.course.id),
            patient_id=patient_id,
        )
        changed = await treatment.change_course(
            work, UUID(before.course.id), version=version, audit=audit, **values
        )
        if not changed:
            raise ChangedMeanwhileError("header/if-match")
        await effects.evaluate_or_later(work, context, patient_id, now=now)
        await work.commit()
    async with context.database.work(clinic_id) as work:
        return await _view(work, context, patient_id, now=now)


async def _stored(work: UnitOfWork, patient_id: UUID) -> StoredCourse:
    stored = await treatment.stored_course(work, patient_id)
    if stored is None:
        raise NotFoundError
    return stored


async def _given(
    work: UnitOfWork, patient_id: UUID, stored: StoredCourse, *, zone: str
) -> tuple[Infusion, ...]:
    """Give the course's own infusions."""
    return infusions_of_course(stored.course, await treatment.infusions(work, patient_id), time_zone=zone)


async def _view(work: UnitOfWork, context: AppContext, patient_id: UUID, *, now: datetime) -> CourseView:
    view = await course_in(work, context, await existing(work, patient_id), now=now)
    if view is None:
        raise NotFoundError
    return view


async def course_in(
    work: UnitOfWork, context: AppContext, patient: PatientRecord, *, now: datetime
) -> CourseView | None:
    """Give the patient's present course, within a transaction; None when there is none."""
    patient_id = patient.id
    stored = await treatment.stored_course(work, patient_id)
    if stored is None:
        return None
    zone, protocol = patient.time_zone, await policy_in_force(work, context, now=now)
    given = await _given(work, patient_id, stored, zone=zone)
    end = induction_end(stored.course, given, time_zone=zone, protocol=protocol)
    profile = (await factors_in(work, patient_id)).profile
    planned = stored.course.planned_infusions
    review, early = await _review(work, protocol, patient_id, stored, given, end, zone=zone, now=now)
    return CourseView(
        stored=stored,
        phase=phase_of(stored.course, given, as_of=now, time_zone=zone, protocol=protocol),
        infusions=given,
        induction_end=end,
        review=review,
        early=early,
        expected=EXPECTED_SESSIONS[profile] if profile else None,
        fits_profile=fits_profile(profile, planned) if profile and planned else None,
    )


async def _review(
    work: UnitOfWork,
    protocol: Protocol,
    patient_id: UUID,
    stored: StoredCourse,
    given: Sequence[Infusion],
    end: InductionEnd | None,
    *,
    zone: str,
    now: datetime,
) -> tuple[InductionReview, tuple[EarlyResponse, ...]]:
    series = [one for one in given if one.phase is InfusionPhase.INDUCTION]
    if not series:
        return _nothing_to_review(stored, now=now, zone=zone), ()
    entries = await assessments.totals_of_patient(work, patient_id)
    first_at, last_at = (one.given_at.astimezone(zone_of(zone)) for one in (series[0], series[-1]))
    responses = responses_after_induction(
        entries,
        first_infusion_at=first_at,
        last_induction_at=last_at,
        as_of=now,
        infusions_at=[one.given_at for one in given],
        protocol=protocol,
    )
    early = tuple(
        early_response(
            entry.totals,
            scale=entry.scale,
            first_infusion_at=first_at,
            as_of=now,
            protocol=protocol,
        )
        for entry in entries
    )
    review = induction_review(
        completed_on=end.on if end else None,
        reviewed_on=stored.course.reviewed_on,
        responses=responses,
        benefit=stored.benefit,
        today=check_in_day(now, zone),
    )
    return _boosted(review, given), tuple(one for one in early if one.responded is not None)


def _boosted(review: InductionReview, given: Sequence[Infusion]) -> InductionReview:
    """A booster shows that maintenance has begun: nobody waits for the review any more."""
    if not any(one.phase is InfusionPhase.BOOSTER for one in given):
        return review
    return replace(review, due=False, due_since=None)


def _nothing_to_review(stored: StoredCourse, *, now: datetime, zone: str) -> InductionReview:
    return induction_review(
        completed_on=None,
        reviewed_on=stored.course.reviewed_on,
        responses=(),
        benefit=stored.benefit,
        today=check_in_day(now, zone),
    )
