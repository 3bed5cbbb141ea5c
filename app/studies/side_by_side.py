"""Both published rules on the same simulated patients, seed by seed: the present one and the one it replaces.

Counted over everyone with a reference: where a rule is off, nothing is found. *Strict* is fewer than 14.0 days after
the fractional onset, *inclusive* fewer than 15.0. Never one seed alone: each figure stands with its standard error
over the seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt
from statistics import mean, stdev
from typing import Final

from app.clinical.protocol import PUBLISHED, Protocol
from app.clinical.reference import ReferenceKind
from app.studies.backtest import backtested
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import CohortPlan
from app.studies.measures import DAYS_A_YEAR
from app.studies.processes import Watch, unwatched
from app.studies.simulated_patient import DAY_ZERO

STRICT_DAYS, INCLUSIVE_DAYS, LATE_DAYS = 14.0, 15.0, 40.0
WINDOW_DAYS: Final = 8
"""Stable patients are watched from the day after their reference window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One rule on one seed; shares are of everyone with a reference and no earlier signal.

    Attributes:
        false_a_year: first false signals a patient-year; `episodes_a_year` are all of them.
        strict, inclusive, late: found within 14, within 15 and within 40 days of the onset.
        off: the share with a reference for whom the rule was off.
    """

    false_a_year: float
    episodes_a_year: float
    strict: float
    inclusive: float
    late: float
    off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One population: the figures of each rule, seed by seed, by the rule's version."""

    population: str
    figures: Mapping[str, tuple[Figures, ...]]

    @property
    def better_in(self) -> int:
        """On how many seeds the present rule found more in 14 days at a false rate not higher."""
        now, before = (self.figures[rule.version] for rule in PUBLISHED)
        pairs = zip(now, before, strict=True)
        return sum(a.strict > b.strict and a.false_a_year <= b.false_a_year for a, b in pairs)


def side_by_side(
    plans: Mapping[str, CohortPlan], *, patients: int, seeds: Sequence[int], watch: Watch = unwatched
) -> tuple[Compared, ...]:
    """Run both rules over the same patients of each population; `patients` are of each seed."""
    return tuple(
        Compared(
            population=name,
            figures={
                rule.version: tuple(_figures(plan, patients, seed, rule, watch) for seed in seeds)
                for rule in PUBLISHED
            },
        )
        for name, plan in plans.items()
    )


def with_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean over seeds and its standard error; 0 for one seed, which has none."""
    return mean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


def _figures(plan: CohortPlan, patients: int, seed: int, rule: Protocol, watch: Watch) -> Figures:
    stable = with_any = episodes = off = lost = strict = inclusive = late = 0
    every = SimulatedCohort(plan=plan, size=patients, seed=seed)
    for one in watch(every.with_truth(0, patients)):
        result = backtested(one.patient, protocol=rule)
        if result.reference is ReferenceKind.NONE or not one.counted:
            continue
        off += not result.rule_on
        raised = [float((signal.raised_on - DAY_ZERO.date()).days) for signal in result.signals]
        if one.truth.onset is None:
            stable, with_any, episodes = stable + 1, with_any + bool(raised), episodes + len(raised)
            continue
        if raised and raised[0] < one.truth.onset:
            continue
        delay = raised[0] - one.truth.onset if raised else inf
        lost += 1
        strict, inclusive = strict + (delay < STRICT_DAYS), inclusive + (delay < INCLUSIVE_DAYS)
        late += delay < LATE_DAYS
    years = stable * (plan.followed_days - WINDOW_DAYS) / DAYS_A_YEAR
    share = with_any / stable if stable else 0.0
    return Figures(
        false_a_year=inf if share >= 1 else -log(1 - share) * stable / years if years else 0.0,
        episodes_a_year=episodes / years if years else 0.0,
        strict=strict / lost if lost else 0.0,
        inclusive=inclusive / lost if lost else 0.0,
        late=late / lost if lost else 0.0,
        off=off / (stable + lost) if stable + lost else 0.0,
    )


def side_by_side_markdown(found: Sequence[Compared], *, command: str) -> str:
    """The page: a row for each population and rule, each figure with its standard error over seeds."""
    rows = [
        "| population | rule | false a year | all false episodes | strict | inclusive | 40 days | off | better in |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        seeds = len(next(iter(one.figures.values())))
        for version, figures in one.figures.items():
            better = f"{one.better_in} of {seeds}" if version == PUBLISHED[0].version else ""
            rows.append(f"| {one.population} | {version} | {_row(figures)} | {better} |")
    return "\n".join(
        [
            "# Both rules side by side",
            "",
            f"Made by `{command}`. Counted over everyone with a reference (rule off: never found); *strict* is fewer",
            "than 14.0 days from the fractional onset, *inclusive* fewer than 15.0; ± is the standard error over",
            "seeds. *Better in*: seeds on which 2.0 found more within 14 days at a false rate not higher.",
            "",
            *rows,
            "",
        ]
    )


def _row(figures: Sequence[Figures]) -> str:
    rates = [
        f"{middle:.2f} ± {error:.2f}"
        for middle, error in (
            with_error([one.false_a_year for one in figures]),
            with_error([one.episodes_a_year for one in figures]),
        )
    ]
    shares = [
        f"{100 * middle:.1f}% ± {100 * error:.1f}"
        for middle, error in (
            with_error([getattr(one, name) for one in figures])
            for name in ("strict", "inclusive", "late", "off")
        )
    ]
    return " | ".join([*rates, *shares])
