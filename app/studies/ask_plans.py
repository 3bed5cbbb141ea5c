"""How often patients are asked, and what is found then: plans of check-ins over a year (specification, section 9.4).

What is asked depends on what was reported, so each patient is lived day by day.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import cpu_count
from random import Random
from typing import Final

from app.clinical.levels import Level
from app.clinical.protocol import RULE_1, STANDARD, Protocol
from app.clinical.schedule import asks_on, cadence_on
from app.studies.backtest import RuleRun, run_of
from app.studies.cohort_plan import REFERENCE_COHORT, CohortPlan
from app.studies.onset_figures import Figures, OnsetCounts, days_with_error, rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.simulated_patient import DAY_ZERO, ReportedDays, Truth, drawn_truth, history_before

FOLLOWED_DAYS: Final = 365
DAYS_A_WEEK: Final = 7
ONSET_DAYS: Final = (50.0, 300.0)
LOW_FROM: Final = 0.5
"""A low day: more than half of the gain is truly lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPlan:
    """A rule, the plan by which it asks, and how often low days are answered compared with others."""

    rule: Protocol = STANDARD
    asks_by: Protocol = STANDARD
    low_days_answered: float = 1.0


_ALWAYS: Final = replace(STANDARD, daily_after_induction_days=10_000)
_TWICE: Final = replace(STANDARD, three_a_week_until_days=0)

PLANS: Final[Mapping[str, AskPlan]] = {
    "2.0: daily 15, 3 a week to 183, 2 a week + burst": AskPlan(),
    "2.0: daily 15, 2 a week + burst": AskPlan(asks_by=_TWICE),
    "2.0: daily for ever": AskPlan(asks_by=_ALWAYS),
    "2.0 on the plan of 1.0": AskPlan(asks_by=RULE_1),
    "1.0: daily 42, 3 a week to 183, weekly; daily on watch": AskPlan(rule=RULE_1, asks_by=RULE_1),
    "2.0, low days answered 0.6 times": AskPlan(low_days_answered=0.6),
    "1.0, low days answered 0.6 times": AskPlan(rule=RULE_1, asks_by=RULE_1, low_days_answered=0.6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """One plan on one seed: how often stable patients are asked a week while no signal is open, and what is found.

    Weeks are pooled: someone with a single calm month, the daily one after induction, counts for that month only.
    """

    asked_a_week: float
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Lived:
    onset: float | None
    raised: list[float]
    asked: int
    calm_days: int
    rule_on: bool


def ask_plans(
    *, patients: int, seeds: Sequence[int], processes: int | None = None, watch: Watch = unwatched
) -> dict[str, tuple[PlanFigures, ...]]:
    """Every plan over the same patients, `patients` of each seed, half of whom lose the benefit."""
    at_once = processes or cpu_count() or 1
    return {
        name: tuple(
            _figures(watch(in_processes(partial(_lives, name, seed), patients, processes=at_once)))
            for seed in seeds
        )
        for name in PLANS
    }


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds) * len(PLANS)


def _figures(lived: Iterator[_Lived | None]) -> PlanFigures:
    counts, asked, calm_days = OnsetCounts(FOLLOWED_DAYS), 0, 0
    for one in lived:
        if one is not None:
            counts.add(one.onset, one.raised, rule_on=one.rule_on)
            if one.onset is None:
                asked, calm_days = asked + one.asked, calm_days + one.calm_days
    return PlanFigures(asked_a_week=asked * DAYS_A_WEEK / max(1, calm_days), figures=counts.figures())


def _lives(plan: str, seed: int, numbers: tuple[int, int]) -> list[_Lived | None]:
    return [
        _life(PLANS[plan], Random(f"afterglow plans {seed} {number}"))  # noqa: S311 - must repeat, guards nothing
        for number in range(*numbers)
    ]


def _life(plan: AskPlan, random: Random) -> _Lived | None:
    """One patient's year; None without a reference."""
    people = replace(REFERENCE_COHORT, followed_days=FOLLOWED_DAYS, share_never=0.5)
    person = drawn_truth(people, random)
    lost = random.uniform(*ONSET_DAYS)
    truth = replace(person, onset=None if person.onset is None else lost)
    days, run = _before(people, truth, random, plan.rule)
    luck, asked, calm_days, last = Random(random.random()), 0, 0, 0  # noqa: S311 - must repeat, guards nothing
    for day in range(1, FOLLOWED_DAYS + 1):
        left_out, calm = luck.random() >= plan.low_days_answered, not run.is_waiting
        calm_days += calm
        if not _asks(plan.asks_by, run, day, last):
            continue
        asked += calm
        if left_out and truth.share_lost(day) >= LOW_FROM:
            continue
        check_in = days.on(day, truth.shares_lost(day))
        if check_in is not None:
            run.take_check_in(check_in)
            last = day
    if run.reference is None:
        return None
    raised = [float((signal.raised_on - DAY_ZERO.date()).days) for signal in run.signals]
    return _Lived(truth.onset, raised, asked, calm_days, run.rule_on)


def _before(people: CohortPlan, truth: Truth, random: Random, rule: Protocol) -> tuple[ReportedDays, RuleRun]:
    days = ReportedDays(people, truth, random)
    history = replace(history_before(people, "plan"), check_ins=tuple(days.before()))
    run = run_of(history, protocol=rule)
    for check_in in history.check_ins:
        run.take_check_in(check_in)
    for infusion in history.infusions:
        run.take_infusion(infusion)
    return days, run


def _asks(plan: Protocol, run: RuleRun, day: int, last: int) -> bool:
    """Whether the plan asks for a check-in on a day; the plan of 1.0 knows watch and no burst."""
    state = run.state
    bursting = plan.generation > 1 and state is not None and state.loss is not None and state.loss.burst
    cadence = cadence_on(
        day,
        maintained=True,
        after_booster=False,
        bursting=bursting or run.level >= Level.WATCH,
        silent_days=day - last,
        taken_on_days=None,
        steady=run.level is Level.STEADY,
        protocol=plan,
    )
    return asks_on(cadence, day)


HEADER: Final = (
    "rule, plan",
    "asked a week, stable, no signal open",
    "false a year",
    "14 days %",
    "40 days %",
    "p90, days",
)


def plans_table(found: Mapping[str, Sequence[PlanFigures]]) -> Table:
    """Table 9.4: a row for each plan, each figure with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for name, every in found.items():
        figures = [one.figures for one in every]
        rows.append(
            (
                name,
                rate_with_error([one.asked_a_week for one in every]),
                rate_with_error([one.false_a_year for one in figures]),
                share_with_error([one.strict for one in figures]),
                share_with_error([one.late for one in figures]),
                days_with_error([one.ninetieth for one in figures]),
            )
        )
    return rows
