"""What staff enter of a treatment: courses, infusions, factors, bookings, taper plans and chosen references.

Each may change what the check-ins mean, so the patient is evaluated again in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.policy import active_protocol
from app.care.alerts import bookings
from app.care.monitoring import commands as monitoring
from app.care.monitoring import effects
from app.care.monitoring.corrections import ExternalIdTakenError
from app.care.monitoring.history import history_now
from app.care.patients.plausibility import Unlikely, ask_about, refuse_impossible_time
from app.care.patients.queries import existing, existing_for_update
from app.care.patients.sealed_fields import vault_of
from app.care.treatment.plausibility import Remark, refuse_infusion, remarks_on, unlikely_in
from app.care.treatment.queries import Factors, TaperView, WrittenPlan, factors_of, taper_view
from app.care.treatment.sessions import open_note, refuse_session, seal_note, unlikely_in_session
from app.clinical.check_ins import check_in_day
from app.clinical.course import Infusion, InfusionPhase, Route
from app.clinical.history import ChosenReference
from app.clinical.reference import Reference
from app.clinical.taper import PlanProblem, TaperPlan, problems_of_plan
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.translations import say
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import care_plans, chosen_references, courses, infusions, patient_merges, patient_states
from app.storage.care_plans import PlanKind
from app.storage.chosen_references import StoredReference
from app.storage.infusions import StoredInfusion
from app.storage.patients import PatientRecord
from app.storage.record_versions import RecordKind, RecordStatus, kept_under
from app.storage.treatment_sessions import Session
from app.web.headers import ChangedMeanwhileError

# A clinic's clock may be a little ahead of ours; more than this is a mistake.
_AHEAD: Final = timedelta(minutes=10)
_REASON_CELL: Final = {"table": "chosen_references", "column": "reason_sealed"}
_PLAN_PROBLEMS: Final = {
    PlanProblem.NO_STEPS: say("A plan has at least one step."),
    PlanProblem.INTERVAL_OUT_OF_RANGE: say("An interval has 1 to 365 days."),
    PlanProblem.COUNT_NOT_POSITIVE: say("A step is repeated at least once."),
    PlanProblem.OPEN_STEP_NOT_LAST: say("Only the last step may be open."),
    PlanProblem.INTERVALS_SHORTEN: say("Intervals never grow shorter along the plan."),
}


class InfusionInFutureError(RefusalError):
    """An infusion is entered after it was given; this time lies in the future."""

    code = "infusion-in-future"


class InfusionExistsError(RefusalError):
    """The patient has an infusion at this very time already."""

    kind = RefusalKind.CONFLICT
    code = "infusion-exists"


class TaperPlanRefusedError(RefusalError):
    """This taper plan cannot be used; see errors."""

    code = "taper-plan-refused"


class ReferenceWindowError(RefusalError):
    """A window ends on or after its first day, and before today."""

    code = "reference-window"


class ReferenceNotMadeError(RefusalError):
    """No reference can be made of these days.

    There are too few check-ins, they lie before the end of induction, or it is running. A patient who was taken on in
    maintenance needs 7 check-in days in a period of at least 10 days.
    """

    kind = RefusalKind.CONFLICT
    code = "reference-not-made"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInfusion:
    """An infusion as it was given."""

    given_at: datetime
    phase: InfusionPhase
    dose_mg_per_kg: float | None = None
    dose_mg: float | None = None
    route: Route | None = None
    session: Session | None = None
    note: str | None = None
    external_id: str | None = None
    source: str = ""
    confirm: tuple[str, ...] = ()

    def same_as(self, kept: StoredInfusion) -> bool:
        """Whether it says what is kept, but for the notes, which are sealed."""
        infusion = kept.infusion
        said = (self.given_at, self.phase, self.dose_mg_per_kg, self.dose_mg, self.route, self.session)
        return said == (
            infusion.given_at,
            infusion.phase,
            infusion.dose_mg_per_kg,
            kept.dose_mg,
            infusion.route,
            kept.session,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDays:
    """The days to take as the reference, first and last included, and why."""

    from_day: date
    to_day: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredInfusion:
    """An infusion as kept, and what is unusual about it; not created: kept before under its external id."""

    stored: StoredInfusion
    remarks: tuple[Remark, ...]
    created: bool = True
    status: RecordStatus = RecordStatus.ACTIVE


async def enter_infusion(work: Work, patient_id: UUID, given: GivenInfusion) -> EnteredInfusion:
    """Enter an infusion that was given. It closes an open signal with the disposition "booster given".

    Raises:
        NotFoundError: the clinic has no such patient.
        InfusionInFutureError: it was not given yet.
        InfusionExistsError: it was entered before.
        ExternalIdTakenError: another content is kept under its external id.
        TimeSkippedError, BeforeBirthError: the time cannot be.
        BoosterBeforeInductionError: there was no induction.
        CourseClosedError: the course was over by then.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it.
    """
    refuse_future(work, given.given_at)
    patient = await existing(work, patient_id)
    refuse_impossible_time(work, patient, given.given_at, pointer="#/given_at")
    await patient_states.lock(work, patient_id)
    kept_before = await _kept_before(work, patient, given)
    if kept_before is not None:
        return kept_before
    infusion = _infusion(given, patient.time_zone)
    earlier = await infusions.infusions(work, patient_id)
    if any(one.given_at == infusion.given_at for one in earlier):
        raise InfusionExistsError("#/given_at")
    declared = await courses.current_course(work, patient_id)
    began = await let_course_begin(work, patient, infusion)
    course = declared if began is None else await courses.current_course(work, patient_id)
    refuse_infusion(course, earlier, infusion, zone=patient.time_zone)
    unlikely = unlikely_in(
        infusion,
        dose_mg=given.dose_mg,
        course=declared,
        others=earlier,
        now=work.now,
        zone=patient.time_zone,
    )
    refuse_session(
        given.session, given_at=given.given_at, route=given.route, now=work.now, zone=patient.time_zone
    )
    unlikely += unlikely_in_session(given.session, given_at=given.given_at)
    ask_about(unlikely, given.confirm)
    stored = StoredInfusion(
        infusion=infusion,
        dose_mg=given.dose_mg,
        session=given.session,
        note_sealed=seal_note(work, patient, UUID(infusion.id), given.note),
        external_id=given.external_id,
        source=given.source,
        began_course_id=began,
    )
    if not await infusions.add_infusion(work, patient_id, stored):
        raise InfusionExistsError("#/given_at")
    note_infusion(work, patient_id, stored, "entered", unlikely)
    await _announce_infusion(work, patient, stored.id)
    booking = await effects.infusion_given(work, patient_id, given_at=given.given_at)
    if booking is not None:
        stored = replace(stored, kept_booking_on=booking.on, kept_booking_made_at=booking.made_at)
        await infusions.replace_infusion(work, patient_id, stored, same_turn=True)
    remarks = remarks_on(course, earlier, infusion, zone=patient.time_zone)
    return EnteredInfusion(stored=stored, remarks=remarks)


async def _announce_infusion(work: Work, patient: PatientRecord, infusion_id: UUID) -> None:
    about = About(
        patient_id=patient.id,
        mode=patient.mode,
        subject="infusion",
        subject_id=infusion_id,
        url=f"{work.public_url}/v1/patients/{patient.id}/infusions",
    )
    await notify_of_patient(work, EventType.INFUSION_RECORDED, about, now=work.now)


def _infusion(given: GivenInfusion, time_zone: str) -> Infusion:
    return Infusion(
        id=str(new_id()),
        given_at=given.given_at,
        phase=given.phase,
        dose_mg_per_kg=given.dose_mg_per_kg,
        route=given.route,
        time_zone=time_zone,
    )


def refuse_future(work: Work, given_at: datetime) -> None:
    """Refuse an infusion that was not given yet."""
    if given_at > work.now + _AHEAD:
        raise InfusionInFutureError("#/given_at")


def note_infusion(
    work: Work, patient_id: UUID, stored: StoredInfusion, verb: str, confirmed: Sequence[Unlikely]
) -> None:
    """Write to the audit log what was done to an infusion, and each unlikely value that was confirmed with it."""
    for action in (verb, *(f"confirmed_{one.value}" for one in confirmed)):
        work.audit(f"infusion.{action}", "infusion", stored.id, patient_id=patient_id)


async def _kept_before(work: Work, patient: PatientRecord, given: GivenInfusion) -> EnteredInfusion | None:
    """Find what is kept under the same external id, also when it counts as entered in error by now.

    Raises:
        ExternalIdTakenError: it says something else.
    """
    if given.external_id is None:
        return None
    found = await kept_under(
        work,
        RecordKind.INFUSION,
        infusions.infusion_by_external_id,
        lambda version: (version.patient_id, infusions.from_version(version)),
        source=given.source,
        external_id=given.external_id,
    )
    if found is None:
        return None
    kept, status = found
    whose, stored = await _of_duplicate(work, patient.id, *kept)
    same = (
        whose == patient.id
        and given.same_as(stored)
        and given.note == open_note(work, patient, stored.id, stored.note_sealed)
    )
    if not same:
        raise ExternalIdTakenError.kept_as(stored.id, stored.version)
    return EnteredInfusion(stored=stored, remarks=(), created=False, status=status)


async def _of_duplicate(
    work: Work, patient_id: UUID, whose: UUID, stored: StoredInfusion
) -> tuple[UUID, StoredInfusion]:
    """Give the copy that the patient has of it, if it is of a duplicate that was merged into the patient."""
    merged = await patient_merges.holding(work, whose)
    if merged is None or merged.into_id != patient_id:
        return whose, stored
    every = await infusions.stored_infusions(work, patient_id)
    at = stored.infusion.given_at
    copy = next((one for one in every if one.infusion.given_at == at), None)
    return (whose, stored) if copy is None else (patient_id, copy)


async def let_course_begin(work: Work, patient: PatientRecord, infusion: Infusion) -> UUID | None:
    """An induction infusion from before the course's first day shows that the course began earlier.

    So does any infusion of a patient who was taken on in maintenance. Unless an earlier induction was over by then:
    that one is of an earlier course. Gives the course that began earlier by it.
    """
    course = await courses.current_course(work, patient.id)
    day = infusion.day(patient.time_zone)
    if course is None or day >= course.started_on:
        return None
    if course.taken_on_at is not None:
        every = await courses.stored_courses(work, patient.id)
        if len(every) > 1 or infusion.phase is InfusionPhase.INDUCTION:
            return None
    else:
        policy = await active_protocol(work)
        too_long_ago = (course.started_on - day).days > policy.induction_ends_after_days
        if infusion.phase is not InfusionPhase.INDUCTION or too_long_ago:
            return None
    await courses.begin_on(work, UUID(course.id), started_on=day)
    work.audit("course.began_earlier", "course", UUID(course.id), patient_id=patient.id)
    return UUID(course.id)


async def write_factors(work: Work, patient_id: UUID, factors: Factors) -> Factors:
    """Replace a patient's factors. They are shown with every decision and decide nothing.

    Raises:
        NotFoundError: the clinic has no such patient.
        ChangedMeanwhileError: the version is not the current one.
    """
    await existing(work, patient_id)
    content = {"profile": factors.profile, "cautions": sorted(set(factors.cautions))}
    if not await care_plans.write(work, patient_id, PlanKind.FACTORS, content, version=factors.version):
        raise ChangedMeanwhileError("header/if-match")
    work.audit("factors.changed", "patient", patient_id)
    return await factors_of(work, patient_id)


async def book_booster(work: Work, patient_id: UUID, *, on: date | None) -> None:
    """Note the day of the next booster, which holds signals back until two days after it; None: there is none.

    Raises:
        NotFoundError: the clinic has no such patient.
        BookingInPastError: the day has passed.
    """
    patient = await existing_for_update(work, patient_id)
    if on is None:
        await bookings.clear(work, patient_id)
    else:
        await bookings.book(work, patient, on=on, pointer="#/on")
    await effects.evaluate_or_later(work, patient_id)


async def write_taper(work: Work, patient_id: UUID, written: WrittenPlan) -> TaperView:
    """Replace the taper plan.

    Raises:
        NotFoundError: the clinic has no such patient.
        TaperPlanRefusedError: the plan contradicts itself.
        ChangedMeanwhileError: the version is not the current one.
    """
    _refuse_plan(written.plan)
    content: dict[str, Any] = {
        "steps": [[step.interval_days, step.count] for step in written.plan.steps],
        "interval_days": written.interval_days,
        "since": written.since and written.since.isoformat(),
    }
    await existing(work, patient_id)
    if not await care_plans.write(work, patient_id, PlanKind.TAPER, content, version=written.version):
        raise ChangedMeanwhileError("header/if-match")
    work.audit("taper_plan.changed", "patient", patient_id)
    return await taper_view(work, patient_id)


def _refuse_plan(plan: TaperPlan) -> None:
    problems = problems_of_plan(plan)
    if problems:
        refusal = TaperPlanRefusedError()
        raise refusal.finding(
            {"pointer": "#/steps", "code": one.value.replace("_", "-"), "detail": _PLAN_PROBLEMS[one]}
            for one in problems
        )


async def choose_reference(
    work: Work, patient_id: UUID, chosen: ChosenDays, *, within: str = "#"
) -> Reference:
    """Take the check-in days of a window as the new reference; from its end on nothing has been lost yet.

    ``within``: where in what was sent the days stand.

    Raises:
        NotFoundError: the clinic has no such patient.
        ReferenceWindowError: the window is none, or not over yet.
        ReferenceNotMadeError: its days make no reference.
    """
    patient, choice_id = await existing(work, patient_id), new_id()
    choice = ChosenReference(from_day=chosen.from_day, to_day=chosen.to_day, set_at=work.now)
    refuse_window(work, patient, choice, within=within)
    sealed = vault_of(work, patient).seal(chosen.reason, row_id=choice_id, **_REASON_CELL)
    await patient_states.lock(work, patient_id)
    await chosen_references.add(
        work, choice_id, patient_id, choice, reason_sealed=sealed, set_by=work.actor.id
    )
    work.audit("reference.chosen", "chosen_reference", choice_id, patient_id=patient_id)
    reference = await refuse_not_made(work, patient_id, choice, within=within)
    await monitoring.re_evaluate(work, patient_id)
    return reference


def chosen_days(work: Work, patient: PatientRecord, stored: StoredReference) -> ChosenDays:
    """Give a choice that is kept, with its reason in words."""
    own = vault_of(work, patient)
    reason = own.open(stored.reason_sealed, row_id=stored.id, **_REASON_CELL)
    return ChosenDays(from_day=stored.from_day, to_day=stored.to_day, reason=reason)


def refuse_window(work: Work, patient: PatientRecord, choice: ChosenReference, *, within: str) -> None:
    """Refuse days that are none, or not over yet."""
    if not choice.from_day <= choice.to_day < check_in_day(work.now, patient.time_zone):
        raise ReferenceWindowError(f"{within}/to")


async def refuse_not_made(work: Work, patient_id: UUID, choice: ChosenReference, *, within: str) -> Reference:
    """Give the reference that is made of the choice which holds, and refuse days of which none can be made."""
    _, evaluation = await history_now(work, work.context, patient_id, now=work.now)
    reference = evaluation.reference
    if not isinstance(reference, Reference) or not _made_of(reference, choice):
        raise ReferenceNotMadeError(f"{within}/from")
    return reference


def _made_of(reference: Reference, choice: ChosenReference) -> bool:
    return reference.chosen and choice.from_day <= reference.from_day <= reference.to_day <= choice.to_day
