"""How long benefits have lasted, the taper plan, and whether to lengthen, hold or shorten: shown, never done."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from app.care.monitoring.history import latest_in, protocol_of, standing_of, timeline_now
from app.care.patients.service import existing
from app.care.treatment.factors import factors_in
from app.clinical.course import InfusionPhase, infusions_of_course
from app.clinical.evaluation import Timeline, evaluate
from app.clinical.interval import PersonalInterval, ResponseDuration, personal_interval, response_durations
from app.clinical.protocol import Protocol
from app.clinical.reasons import CriterionName, Level
from app.clinical.taper import (
    START_PLAN,
    Maintenance,
    PlanProblem,
    TaperPlan,
    TaperStep,
    TaperSuggestion,
    problems_of_plan,
    suggest,
)
from app.context import AppContext
from app.foundation.audit import Actor, patient_event
from app.foundation.errors import RefusalError
from app.storage import care_plans, signals, treatment
from app.storage.access_records import record_access
from app.storage.care_plans import PlanKind
from app.storage.check_ins import PatientSnapshot
from app.storage.engine.unit_of_work import UnitOfWork
from app.web.etags import ChangedMeanwhileError


class TaperPlanRefusedError(RefusalError):
    """This taper plan cannot be used; see errors."""

    code = "taper-plan-refused"


_SENTENCES: Final = {
    PlanProblem.NO_STEPS: "A plan has at least one step.",
    PlanProblem.INTERVAL_OUT_OF_RANGE: "An interval has 1 to 365 days.",
    PlanProblem.COUNT_NOT_POSITIVE: "A step is repeated at least once.",
    PlanProblem.OPEN_STEP_NOT_LAST: "Only the last step may be open.",
    PlanProblem.INTERVALS_SHORTEN: "Intervals never grow shorter along the plan.",
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenancePast:
    """What the past says: benefits so far, boosters, and whether the patient is steady."""

    protocol: Protocol
    day: date
    benefits: tuple[ResponseDuration, ...]
    boosters_on: tuple[date, ...]
    settled: bool | None


async def read_interval(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor
) -> PersonalInterval:
    """Give how long this patient's benefits have lasted, and the days within which most would end.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        past = await _past(work, context, patient_id, now=now)
        await record_access(work, "interval", now=now, actor=actor, patient_id=patient_id)
    return interval_of(past)


def interval_of(past: MaintenancePast) -> PersonalInterval:
    """Say how long benefits have lasted, and within how many days most would end."""
    return personal_interval(past.benefits, protocol=past.protocol)


async def read_taper(context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor) -> TaperView:
    """Give the taper plan, with what is suggested for the next interval.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        view = await _view(work, context, patient_id, now=now)
        await record_access(work, "taper_plan", now=now, actor=actor, patient_id=patient_id)
    return view


async def write_taper(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    written: WrittenPlan,
    *,
    actor: Actor,
) -> TaperView:
    """Replace the taper plan.

    Raises:
        NotFoundError: the clinic has no such patient.
        TaperPlanRefusedError: the plan contradicts itself.
        ChangedMeanwhileError: the version is not the current one.
    """
    _refuse(written.plan)
    now = context.clock.now()
    content: dict[str, Any] = {
        "steps": [[step.interval_days, step.count] for step in written.plan.steps],
        "interval_days": written.interval_days,
        "since": written.since and written.since.isoformat(),
    }
    audit = patient_event(now, actor, "taper_plan.changed", patient_id)
    async with context.database.work(clinic_id) as work:
        await existing(work, patient_id)
        kept = await care_plans.write(
            work, patient_id, PlanKind.TAPER, content, version=written.version, now=now, audit=audit
        )
        if not kept:
            raise ChangedMeanwhileError("header/if-match")
        view = await _view(work, context, patient_id, now=now)
        await work.commit()
    return view


def _refuse(plan: TaperPlan) -> None:
    problems = problems_of_plan(plan)
    if problems:
        refusal = TaperPlanRefusedError()
        raise refusal.finding(
            {"pointer": "#/steps", "code": one.value.replace("_", "-"), "detail": _SENTENCES[one]}
            for one in problems
        )


async def _view(work: UnitOfWork, context: AppContext, patient_id: UUID, *, now: datetime) -> TaperView:
    return await taper_in(work, patient_id, await _past(work, context, patient_id, now=now))


async def taper_in(work: UnitOfWork, patient_id: UUID, past: MaintenancePast) -> TaperView:
    """Give the plan and what is suggested, within a transaction."""
    written = await _written(work, patient_id)
    at_interval = tuple(
        one for one in past.benefits if written.since is None or one.from_day >= written.since
    )
    maintenance = Maintenance(
        interval_days=written.interval_days,
        at_interval=at_interval,
        boosters_on=past.boosters_on,
        settled=past.settled,
        open_cautions=len((await factors_in(work, patient_id)).cautions),
    )
    suggestion = suggest(written.plan, maintenance, as_of=past.day, protocol=past.protocol)
    return TaperView(written=written, at_interval=at_interval, suggestion=suggestion)


async def _written(work: UnitOfWork, patient_id: UUID) -> WrittenPlan:
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


async def _past(work: UnitOfWork, context: AppContext, patient_id: UUID, *, now: datetime) -> MaintenancePast:
    standing = await standing_of(work, patient_id, now=now)
    protocol = protocol_of(standing, context)
    past = await timeline_now(work, standing, protocol=protocol, now=now)
    return await past_in(work, standing, past, protocol=protocol, now=now)


async def past_in(
    work: UnitOfWork, standing: PatientSnapshot, past: Timeline, *, protocol: Protocol, now: datetime
) -> MaintenancePast:
    """Say how benefits have gone so far, from the rule's memory, so that years of check-ins cost nothing."""
    patient_id, zone = standing.patient_id, standing.time_zone
    evaluation = evaluate(past.state, as_of=latest_in(past.state, standing, now=now), protocol=protocol)
    # What totals showed is seen in the signals alone.
    shown = await signals.days_on_criterion(work, patient_id, CriterionName.SCALE_RELAPSE.value)
    given = infusions_of_course(
        await treatment.current_course(work, patient_id),
        await treatment.infusions(work, patient_id),
        time_zone=zone,
    )
    days = {phase: [one.day(zone) for one in given if one.phase is phase] for phase in InfusionPhase}
    return MaintenancePast(
        protocol=protocol,
        day=evaluation.day,
        benefits=response_durations(
            last_induction_on=max(days[InfusionPhase.INDUCTION], default=None),
            boosters_on=days[InfusionPhase.BOOSTER],
            losses_on=[*past.losses, *shown],
            as_of=evaluation.day,
        ),
        boosters_on=tuple(days[InfusionPhase.BOOSTER]),
        settled=_settled(evaluation.level),
    )


def _settled(level: Level) -> bool | None:
    return None if level is Level.NO_REFERENCE else level is Level.STEADY
