"""What is known of a patient's treatment: the course with its review, factors, the booking, taper and interval."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from app.access.clinics.policy import active_protocol
from app.care.alerts.finding_commands import FindingCode as WorklistFinding
from app.care.monitoring.history import history_of, latest_in, protocol_of, snapshot_of
from app.care.monitoring.timeline_replay import timeline_now
from app.care.patients.queries import existing
from app.care.treatment.sessions import open_note
from app.clinical.boosters import Stretch
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
from app.clinical.earlier_courses import earlier_durations, marked
from app.clinical.evaluation import evaluate
from app.clinical.interval import (
    LearnedInterval,
    PersonalInterval,
    ResponseDuration,
    by_stretches,
    offered_interval,
    personal_interval,
    response_durations,
)
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.profiles import EXPECTED_SESSIONS, Caution, ExpectedSessions, Profile, fits_profile
from app.clinical.protocol import Protocol
from app.clinical.review import (
    EarlyResponse,
    InductionReview,
    early_response,
    induction_review,
    responses_after_induction,
)
from app.clinical.state.patient_state import Treatment
from app.clinical.state.timeline import Timeline
from app.clinical.taper import (
    START_PLAN,
    Maintenance,
    PlannedDate,
    TaperPlan,
    TaperStep,
    TaperSuggestion,
    planned_date,
    suggest,
)
from app.context import Work
from app.foundation.errors import NotFoundError
from app.storage import (
    assessments,
    care_plans,
    chosen_references,
    courses,
    findings,
    infusions,
    patient_states,
    signals,
)
from app.storage.care_plans import PlanKind
from app.storage.check_in_path import PatientSnapshot
from app.storage.chosen_references import StoredReference
from app.storage.courses import StoredCourse
from app.storage.infusions import StoredInfusion
from app.storage.patients import PatientRecord
from app.storage.record_versions import RecordKind, RecordStatus, voided_as


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """A course as it stands; ``infusions`` are its own, in the order in which they were given.

    ``earlier`` are the patient's courses before it, the latest first.
    """

    stored: StoredCourse
    earlier: tuple[StoredCourse, ...]
    phase: Phase
    infusions: tuple[Infusion, ...]
    induction_end: InductionEnd | None
    review: InductionReview
    early: tuple[EarlyResponse, ...]
    expected: ExpectedSessions | None
    fits_profile: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The kind of patient, as far as someone said, and the cautions that are open.

    ``version``: the one that was read; a change is based on it.
    """

    profile: Profile | None
    cautions: tuple[Caution, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPlan:
    """A taper plan with the interval that applies now, and since when; None: since induction.

    ``version``: the one that was read; a change is based on it.
    """

    plan: TaperPlan
    interval_days: int
    since: date | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperView:
    """The plan and what is suggested for the next interval."""

    written: WrittenPlan
    at_interval: tuple[ResponseDuration, ...]
    suggestion: TaperSuggestion
    planned: PlannedDate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenancePast:
    """What the past says: benefits of the present course and of earlier ones, boosters, and whether it is steady.

    ``last_infusion_on``: the next booster is counted from it; None while induction runs and once the course is over.
    """

    protocol: Protocol
    day: date
    benefits: tuple[ResponseDuration, ...]
    earlier: tuple[ResponseDuration, ...]
    boosters_on: tuple[date, ...]
    last_infusion_on: date | None
    settled: bool | None
    observed: bool
    findings: tuple[FindingCode, ...]
    stretches: tuple[Stretch, ...]


async def read_course(work: Work, patient_id: UUID) -> CourseView:
    """Give the patient's present course.

    Raises:
        NotFoundError: there is no such patient, or no course.
    """
    view = await course_of(work, await existing(work, patient_id))
    if view is None:
        raise NotFoundError
    work.record_access("course", patient_id=patient_id)
    return view


async def course_of(work: Work, patient: PatientRecord) -> CourseView | None:
    """Give the patient's present course; None when there is none."""
    found = await courses.stored_courses(work, patient.id)
    if not found:
        return None
    stored, *earlier = found
    zone, protocol = patient.time_zone, await active_protocol(work)
    every = await infusions.infusions(work, patient.id)
    given = infusions_of_course(stored.course, every, time_zone=zone)
    end = induction_end(stored.course, given, time_zone=zone, protocol=protocol)
    profile = (await factors_of(work, patient.id)).profile
    planned = stored.course.planned_infusions
    review, early = await _review(work, protocol, patient, stored, given, end)
    return CourseView(
        stored=stored,
        earlier=tuple(earlier),
        phase=phase_of(stored.course, given, as_of=work.now, time_zone=zone, protocol=protocol),
        infusions=given,
        induction_end=end,
        review=review,
        early=early,
        expected=EXPECTED_SESSIONS[profile] if profile else None,
        fits_profile=fits_profile(profile, planned) if profile and planned else None,
    )


async def list_courses(
    work: Work, patient_id: UUID, *, with_errors: bool
) -> list[tuple[StoredCourse, RecordStatus]]:
    """List a patient's courses, latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    found = [(one, RecordStatus.ACTIVE) for one in await courses.stored_courses(work, patient_id)]
    if with_errors:
        errors = await voided_as(work, patient_id, RecordKind.COURSE, courses.from_version)
        found += [(one, RecordStatus.ENTERED_IN_ERROR) for one in errors]
    work.record_access("courses", patient_id=patient_id)
    return sorted(found, key=lambda one: (one[0].course.started_on, one[0].course.id), reverse=True)


async def list_infusions(
    work: Work, patient_id: UUID, *, with_errors: bool, after: UUID | None, limit: int
) -> list[tuple[StoredInfusion, RecordStatus]]:
    """List a patient's infusions, latest first, from the one after ``after`` on.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    found = [(one, RecordStatus.ACTIVE) for one in await infusions.stored_infusions(work, patient_id)]
    if with_errors:
        voided = await voided_infusions(work, patient_id)
        found += [(one, RecordStatus.ENTERED_IN_ERROR) for one in voided]
    work.record_access("infusions", patient_id=patient_id)
    found.sort(key=lambda one: (one[0].infusion.given_at.timestamp(), one[0].infusion.id), reverse=True)
    start = next((place + 1 for place, (one, _) in enumerate(found) if one.id == after), 0)
    return found[start : start + limit]


async def voided_infusions(work: Work, patient_id: UUID) -> list[StoredInfusion]:
    """List the infusions that were entered in error, as they were last."""
    return await voided_as(work, patient_id, RecordKind.INFUSION, infusions.from_version)


async def read_session(work: Work, patient_id: UUID, infusion_id: UUID) -> tuple[StoredInfusion, str | None]:
    """Give one infusion with how its session went, and the session's notes.

    Raises:
        NotFoundError: the patient has no such infusion, or it counts as entered in error.
    """
    patient = await existing(work, patient_id)
    stored = await infusions.find(work, patient_id, infusion_id)
    if stored is None:
        raise NotFoundError
    work.record_access("session", patient_id=patient_id, subject_id=infusion_id)
    return stored, open_note(work, patient, infusion_id, stored.note_sealed)


async def list_references(
    work: Work, patient_id: UUID, *, with_errors: bool
) -> list[tuple[StoredReference, RecordStatus]]:
    """List the references that clinicians chose for a patient, latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    found = [(one, RecordStatus.ACTIVE) for one in await chosen_references.all_of_patient(work, patient_id)]
    if with_errors:
        read = chosen_references.from_version
        errors = await voided_as(work, patient_id, RecordKind.CHOSEN_REFERENCE, read)
        found += [(one, RecordStatus.ENTERED_IN_ERROR) for one in errors]
    work.record_access("references", patient_id=patient_id)
    return sorted(found, key=lambda one: (one[0].set_at, one[0].id), reverse=True)


async def read_factors(work: Work, patient_id: UUID) -> Factors:
    """Give a patient's factors.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    work.record_access("factors", patient_id=patient_id)
    return await factors_of(work, patient_id)


async def factors_of(work: Work, patient_id: UUID) -> Factors:
    """Give the factors of a patient who is known to be there."""
    stored = await care_plans.find(work, patient_id, PlanKind.FACTORS)
    content = stored.content or {"profile": None, "cautions": []}
    return Factors(
        profile=Profile(content["profile"]) if content["profile"] else None,
        cautions=tuple(Caution(name) for name in content["cautions"]),
        version=stored.version,
    )


async def read_booking(work: Work, patient_id: UUID) -> date | None:
    """Give the day of the next booster; None: none is booked.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    booking = await patient_states.booked_booster(work, patient_id)
    work.record_access("booked_booster", patient_id=patient_id)
    return booking.on if booking else None


async def read_interval(work: Work, patient_id: UUID) -> tuple[PersonalInterval, LearnedInterval]:
    """Give how long this patient's benefits have lasted, within which days most would end, and what is offered.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    past = await _past(work, patient_id)
    work.record_access("interval", patient_id=patient_id)
    return interval_of(past), await learned_of(work, patient_id, past, await factors_of(work, patient_id))


async def learned_of(
    work: Work, patient_id: UUID, past: MaintenancePast, factors: Factors
) -> LearnedInterval:
    """Give the learned interval, offered beside the plan, or why none is."""
    exposure = await findings.open_of_patient(work, patient_id, codes=[WorklistFinding.LONG_EXPOSURE.value])
    return offered_interval(
        past.stretches,
        finding_open=bool(past.findings),
        long_exposure_open=bool(exposure),
        precaution_active=bool(factors.cautions),
        protocol=past.protocol,
    )


def interval_of(past: MaintenancePast) -> PersonalInterval:
    """Say how long benefits have lasted, and within how many days most would end."""
    return personal_interval((*past.earlier, *past.benefits), protocol=past.protocol)


async def read_taper(work: Work, patient_id: UUID) -> TaperView:
    """Give the taper plan, with what is suggested for the next interval.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    work.record_access("taper_plan", patient_id=patient_id)
    return await taper_view(work, patient_id)


async def taper_view(work: Work, patient_id: UUID) -> TaperView:
    """Give the taper plan of a patient, with what is suggested, without a note that someone read it."""
    past = await _past(work, patient_id)
    return await taper_of(work, patient_id, past, await factors_of(work, patient_id))


async def taper_of(work: Work, patient_id: UUID, past: MaintenancePast, factors: Factors) -> TaperView:
    """Give the plan and what is suggested, from what the past says."""
    written = await _written(work, patient_id)
    at_interval = tuple(
        one for one in past.benefits if written.since is None or one.from_day >= written.since
    )
    maintenance = Maintenance(
        interval_days=written.interval_days,
        at_interval=at_interval,
        boosters_on=past.boosters_on,
        settled=past.settled,
        open_cautions=len(factors.cautions),
        observed=past.observed,
        findings=past.findings,
    )
    suggestion = suggest(written.plan, maintenance, as_of=past.day, protocol=past.protocol)
    planned = planned_date(written.plan, maintenance, suggestion, last_infusion_on=past.last_infusion_on)
    return TaperView(written=written, at_interval=at_interval, suggestion=suggestion, planned=planned)


async def maintenance_past(
    work: Work, snapshot: PatientSnapshot, past: Timeline, *, protocol: Protocol
) -> MaintenancePast:
    """Say how benefits have gone so far, from the rule's state, so that years of check-ins cost nothing."""
    patient_id, zone = snapshot.patient_id, snapshot.time_zone
    as_of = latest_in(past.state, snapshot, now=work.now)
    evaluation = evaluate(past.state, as_of=as_of, protocol=protocol)
    # What totals showed is seen in the signals alone.
    shown = await signals.days_on_criterion(work, patient_id, CriterionName.SCALE_RELAPSE.value)
    every = [one.course for one in await courses.stored_courses(work, patient_id)]
    course = every[0] if every else None
    given = infusions_of_course(course, await infusions.infusions(work, patient_id), time_zone=zone)
    days = {phase: [one.day(zone) for one in given if one.phase is phase] for phase in InfusionPhase}
    benefits = response_durations(
        last_induction_on=max(days[InfusionPhase.INDUCTION], default=None),
        boosters_on=days[InfusionPhase.BOOSTER],
        losses_on=[*past.losses, *shown],
        as_of=evaluation.day,
    )
    earlier: tuple[ResponseDuration, ...] = ()
    if len(every) > 1:
        earlier = earlier_durations(await history_of(work, snapshot), every, protocol=protocol)
    return MaintenancePast(
        protocol=protocol,
        day=evaluation.day,
        benefits=marked(by_stretches(benefits, evaluation.stretches), course, given, zone),
        earlier=earlier,
        boosters_on=tuple(days[InfusionPhase.BOOSTER]),
        last_infusion_on=_counted_from(past.state.treatment, evaluation.day),
        settled=_settled(evaluation.level),
        observed=not evaluation.stretches or evaluation.stretches[-1].observed,
        findings=tuple(one.code for one in evaluation.findings if one.code is not FindingCode.BELOW_BEST),
        stretches=evaluation.stretches,
    )


def _counted_from(known: Treatment, today: date) -> date | None:
    over, closed, last = known.induction_over, known.course_closed, known.last_day
    if last is None or over is None or today.toordinal() < over:
        return None
    return None if closed is not None and closed <= today.toordinal() else date.fromordinal(last)


async def _past(work: Work, patient_id: UUID) -> MaintenancePast:
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    protocol = protocol_of(snapshot, work.context)
    past = await timeline_now(work, snapshot, protocol=protocol, now=work.now)
    return await maintenance_past(work, snapshot, past, protocol=protocol)


async def _written(work: Work, patient_id: UUID) -> WrittenPlan:
    stored = await care_plans.find(work, patient_id, PlanKind.TAPER)
    if stored.content is None:
        first = START_PLAN.steps[0].interval_days
        return WrittenPlan(plan=START_PLAN, interval_days=first, since=None, version=0)
    since = stored.content["since"]
    return WrittenPlan(
        plan=TaperPlan(
            steps=tuple(TaperStep(interval_days=days, count=count) for days, count in stored.content["steps"])
        ),
        interval_days=stored.content["interval_days"],
        since=date.fromisoformat(since) if since else None,
        version=stored.version,
    )


async def _review(
    work: Work,
    protocol: Protocol,
    patient: PatientRecord,
    stored: StoredCourse,
    given: Sequence[Infusion],
    end: InductionEnd | None,
) -> tuple[InductionReview, tuple[EarlyResponse, ...]]:
    zone, today = patient.time_zone, check_in_day(work.now, patient.time_zone)
    reviewed_on, benefit = stored.course.reviewed_on, stored.benefit
    series = [one for one in given if one.phase is InfusionPhase.INDUCTION]
    if not series:
        nothing = induction_review(
            completed_on=None, reviewed_on=reviewed_on, responses=(), benefit=benefit, today=today
        )
        return nothing, ()
    entries = await assessments.totals_of_patient(work, patient.id)
    first_at, last_at = (one.given_at.astimezone(zone_of(zone)) for one in (series[0], series[-1]))
    responses = responses_after_induction(
        entries,
        first_infusion_at=first_at,
        last_induction_at=last_at,
        as_of=work.now,
        infusions_at=[one.given_at for one in given],
        protocol=protocol,
    )
    early = (
        early_response(
            entry.totals, scale=entry.scale, first_infusion_at=first_at, as_of=work.now, protocol=protocol
        )
        for entry in entries
    )
    # A series that was stopped is complete from that day on: reviewed since, it is not asked about again.
    ends = (end.on if end else None, stored.course.closed_on)
    review = induction_review(
        completed_on=min((day for day in ends if day is not None), default=None),
        reviewed_on=reviewed_on,
        responses=responses,
        benefit=benefit,
        today=today,
    )
    return _boosted(review, given), tuple(one for one in early if one.responded is not None)


def _boosted(review: InductionReview, given: Sequence[Infusion]) -> InductionReview:
    """A booster shows that maintenance has begun: nobody waits for the review any more."""
    if not any(one.phase is InfusionPhase.BOOSTER for one in given):
        return review
    return replace(review, due=False, due_since=None)


def _settled(level: Level) -> bool | None:
    """Whether the patient is steady; None when nothing can be said."""
    return None if level in {Level.NO_REFERENCE, Level.UNKNOWN} else level is Level.STEADY
