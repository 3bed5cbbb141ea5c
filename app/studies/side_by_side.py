"""Both published rules on the same simulated patients, seed by seed: the present one and the one it replaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from typing import Final
from typing import Protocol as Shape

from app.clinical.protocol import PUBLISHED, Protocol
from app.clinical.reference import ReferenceKind
from app.studies.backtest import PatientResult, backtested
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import VARIANTS
from app.studies.onset_figures import Figures, OnsetCounts, rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.simulated_patient import DAY_ZERO, SimulatedPatient

Seen = tuple[float | None, tuple[tuple[list[float], bool] | None, ...]]
"""A patient's onset, and of each rule the days of its signals and whether it was on; None without a reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One population: the figures of each rule, seed by seed, by the rule's version."""

    population: str
    figures: Mapping[str, tuple[Figures, ...]]

    @property
    def better_in(self) -> int | None:
        """On how many seeds the present rule found more in 14 days at a false rate not higher; None of one rule."""
        if any(rule.version not in self.figures for rule in PUBLISHED):
            return None
        now, before = (self.figures[rule.version] for rule in PUBLISHED)
        pairs = zip(now, before, strict=True)
        return sum(is_better(a, b) for a, b in pairs)


def is_better(now: Figures, before: Figures) -> bool:
    """More found within 14 days, at a false rate not higher."""
    return now.strict > before.strict and now.false_a_year <= before.false_a_year


def rules_beside(protocol: Protocol) -> tuple[Protocol, ...]:
    """The rule and, beside the present published one, the one that it replaces."""
    return PUBLISHED if protocol == PUBLISHED[0] else (protocol,)


def raised_days(result: PatientResult) -> list[float]:
    """The days of the signals, counted from the last induction infusion."""
    return [float((signal.raised_on - DAY_ZERO.date()).days) for signal in result.signals]


class Cohort(Shape):
    """Simulated patients, whoever they are."""

    def with_truth(self, first: int, past_last: int) -> Iterator[SimulatedPatient]:
        """The patients numbered from `first` up to and without `past_last`."""
        ...


def seen_by_rules(cohort: Cohort, rules: Sequence[Protocol], numbers: tuple[int, int]) -> list[Seen]:
    """What each rule said about each patient whose outcome counts."""
    seen: list[Seen] = []
    for one in cohort.with_truth(*numbers):
        if not one.counted:
            continue
        results = [backtested(one.patient, protocol=rule) for rule in rules]
        by_rule = tuple(
            None if result.reference is ReferenceKind.NONE else (raised_days(result), result.rule_on)
            for result in results
        )
        seen.append((one.truth.onset, by_rule))
    return seen


HEADER = (
    "population",
    "rule",
    "false a year",
    "all false episodes",
    "strict %",
    "inclusive %",
    "40 days %",
    "off %",
    "better in",
)


def compared_table(found: Sequence[Compared]) -> Table:
    """A row for each population and rule, each figure with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for one in found:
        for version, figures in one.figures.items():
            first = version == next(iter(one.figures))
            better = f"{one.better_in} of {len(figures)}" if first and one.better_in is not None else ""
            rows.append((one.population if first else "", version, *_cells(figures), better))
    return rows


def _cells(figures: Sequence[Figures]) -> tuple[str, ...]:
    rates = [
        rate_with_error([one.false_a_year for one in figures]),
        rate_with_error([one.episodes_a_year for one in figures]),
    ]
    shares = (
        [one.strict for one in figures],
        [one.inclusive for one in figures],
        [one.late for one in figures],
        [one.off for one in figures],
    )
    return (*rates, *map(share_with_error, shares))


POPULATION: Final = "reference"


def paired(
    *, patients: int, seeds: Sequence[int], processes: int | None = None, watch: Watch = unwatched
) -> dict[int, tuple[Figures, ...]]:
    """The figures of both published rules over `patients` of each seed, by seed."""
    at_once = processes or cpu_count() or 1
    return {seed: _figures(patients, seed, at_once, watch) for seed in seeds}


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds)


def _figures(patients: int, seed: int, processes: int, watch: Watch) -> tuple[Figures, ...]:
    plan = VARIANTS[POPULATION]
    cohort = SimulatedCohort(plan=plan, size=patients, seed=seed)
    counts = [OnsetCounts(plan.followed_days) for _ in PUBLISHED]
    seen = in_processes(partial(seen_by_rules, cohort, PUBLISHED), patients, processes=processes)
    for onset, by_rule in watch(seen):
        for count, one in zip(counts, by_rule, strict=True):
            if one is not None:
                count.add(onset, one[0], rule_on=one[1])
    return tuple(count.figures() for count in counts)


PAIRED_HEADER: Final = (
    "seed",
    "2.0: false a year",
    "1.0: false a year",
    "2.0: 14 days %",
    "1.0: 14 days %",
    "2.0: 40 days %",
    "1.0: 40 days %",
    "better",
)


def paired_table(found: Mapping[int, Sequence[Figures]]) -> Table:
    """A row for each seed, and one for all of them with its standard error over seeds."""
    rows: list[Sequence[str]] = [PAIRED_HEADER]
    for seed, figures in found.items():
        rates = (f"{one.false_a_year:.3f}" for one in figures)
        strict = (f"{one.strict * 100:.2f}" for one in figures)
        late = (f"{one.late * 100:.2f}" for one in figures)
        rows.append((str(seed), *rates, *strict, *late, "yes" if is_better(*figures) else "no"))
    by_rule = list(zip(*found.values(), strict=True))
    rates = (rate_with_error([one.false_a_year for one in every]) for every in by_rule)
    strict = (share_with_error([one.strict for one in every]) for every in by_rule)
    late = (share_with_error([one.late for one in every]) for every in by_rule)
    better = sum(is_better(*figures) for figures in found.values())
    rows.append(("all", *rates, *strict, *late, f"{better} of {len(found)}"))
    return rows
