"""Both published rules on the same simulated patients, seed by seed: the present one and the one it replaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol as Shape

from app.clinical.protocol import PUBLISHED, Protocol
from app.clinical.reference import ReferenceKind
from app.studies.backtest import PatientResult, backtested
from app.studies.onset_figures import Figures, rate_with_error, share_with_error
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
