"""Entering courses and infusions; each may change what the check-ins mean, so the patient is evaluated anew."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.monitoring import effects
from app.care.patients.service import existing
from app.care.treatment.course_days import Remark, refuse_infusion, remarks_on
from app.clinical.course import Course, Infusion, InfusionPhase, Phase, Route, phase_of
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import patient_states, treatment
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord

# A clinic's clock may be a little ahead of ours; more than this is a mistake.
_AHEAD = timedelta(minutes=10)


class InfusionInFutureError(RefusalError):
    """An infusion is entered after it was given; this time lies in the future."""

    code = "infusion-in-future"


class InfusionExistsError(RefusalError):
    """The patient has an infusion at this very time already."""

    kind = RefusalKind.CONFLICT
    code = "infusion-exists"


class CourseExistsError(RefusalError):
    """The patient has a course that starts on this day already."""

    kind = RefusalKind.CONFLICT
    code = "course-exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCourse:
    """A course of treatment as planned; how many infusions is None when nobody said."""

    protocol: str
    planned_infusions: int | None
    started_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInfusion:
    """An infusion as it was given."""

    given_at: datetime
    phase: InfusionPhase
    dose_mg_per_kg: float | None = None
    route: Route | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredCourse:
    """A course and where it stands now."""

    course: Course
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredInfusion:
    """An infusion as kept, and what is unusual about it."""

    infusion: Infusion
    remarks: tuple[Remark, ...]


async def enter_course(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    planned: PlannedCourse,
    *,
    actor: Actor,
) -> EnteredCourse:
    """Enter a course of treatment.

    Raises:
        NotFoundError: the clinic has no such patient.
        CourseExistsError: one starts on this day already.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        course = await add_course(work, context, patient_id, planned, now=now, actor=actor)
        given = await treatment.infusions(work, patient_id)
        policy = await policy_in_force(work, context, now=now)
        await work.commit()
    return EnteredCourse(
        course=course,
        phase=phase_of(course, given, as_of=now, time_zone=patient.time_zone, protocol=policy),
    )


async def add_course(
    work: UnitOfWork,
    context: AppContext,
    patient_id: UUID,
    planned: PlannedCourse,
    *,
    now: datetime,
    actor: Actor,
) -> Course:
    """Enter a course, within a transaction.

    Raises:
        CourseExistsError: one starts on this day already.
    """
    course = Course(
        id=str(new_id()),
        protocol=planned.protocol,
        planned_infusions=planned.planned_infusions,
        started_on=planned.started_on,
    )
    await patient_states.lock(work, patient_id)
    present = await treatment.current_course(work, patient_id)
    if present is not None and present.started_on == course.started_on:
        raise CourseExistsError("#/started_on")
    audit = _event(now, actor, "course.entered", course.id, patient_id)
    await treatment.add_course(work, patient_id, course, now=now, audit=audit)
    await effects.evaluate_or_later(work, context, patient_id, now=now)
    return course


async def enter_infusion(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    given: GivenInfusion,
    *,
    actor: Actor,
) -> EnteredInfusion:
    """Enter an infusion that was given. It closes an open signal with the disposition "booster given".

    Raises:
        NotFoundError: the clinic has no such patient.
        InfusionInFutureError: it was not given yet.
        InfusionExistsError: it was entered before.
        BoosterBeforeInductionError: there was no induction.
        CourseClosedError: the course was over by then.
    """
    now = context.clock.now()
    if given.given_at > now + _AHEAD:
        raise InfusionInFutureError("#/given_at")
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        infusion = Infusion(
            id=str(new_id()),
            given_at=given.given_at,
            phase=given.phase,
            dose_mg_per_kg=given.dose_mg_per_kg,
            route=given.route,
            time_zone=patient.time_zone,
        )
        await patient_states.lock(work, patient_id)
        earlier = await treatment.infusions(work, patient_id)
        if given.phase is InfusionPhase.INDUCTION:
            await _let_course_begin(work, context, patient, infusion, now=now, actor=actor)
        course = await treatment.current_course(work, patient_id)
        refuse_infusion(course, earlier, infusion, zone=patient.time_zone)
        kept = await treatment.add_infusion(
            work,
            patient_id,
            infusion,
            time_zone=patient.time_zone,
            now=now,
            audit=_event(now, actor, "infusion.entered", infusion.id, patient_id),
        )
        if not kept:
            raise InfusionExistsError("#/given_at")
        await effects.infusion_given(work, context, patient_id, given_at=given.given_at, now=now)
        await work.commit()
    remarks = remarks_on(course, earlier, infusion, zone=patient.time_zone)
    return EnteredInfusion(infusion=infusion, remarks=remarks)


async def _let_course_begin(
    work: UnitOfWork,
    context: AppContext,
    patient: PatientRecord,
    infusion: Infusion,
    *,
    now: datetime,
    actor: Actor,
) -> None:
    """An induction infusion from before the course's first day shows that the course began earlier.

    Unless an earlier induction was over by then: that one is of an earlier course.
    """
    course = await treatment.current_course(work, patient.id)
    day = infusion.day(patient.time_zone)
    if course is None or day >= course.started_on:
        return
    policy = await policy_in_force(work, context, now=now)
    if (course.started_on - day).days > policy.induction_ends_after_days:
        return
    await treatment.begin_earlier(
        work,
        UUID(course.id),
        started_on=day,
        audit=_event(now, actor, "course.began_earlier", course.id, patient.id),
    )


def _event(now: datetime, actor: Actor, action: str, subject_id: str, patient_id: UUID) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject_kind=action.partition(".")[0],
        subject_id=UUID(subject_id),
        patient_id=patient_id,
    )
