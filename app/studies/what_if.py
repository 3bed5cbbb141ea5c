"""What if: other numbers of the rule run over past check-ins, and the counts compared.

"With consider_at=0.6 there would have been 11 signals instead of 17." Both rules start from nothing and
close their own signals, so this compares rules; it does not repeat what the clinic did.
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from os import cpu_count
from typing import Final, NamedTuple

from app.clinical.protocol import Protocol
from app.studies.backtest import PatientResult, backtested
from app.studies.patients import PatientSource
from app.studies.processes import Watch, in_processes, unwatched

_DAYS_A_YEAR: Final = 365.25


class Period(NamedTuple):
    """From a day to a day, both included; None leaves it open."""

    first: date | None = None
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a day lies in the period."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCounts:
    """What one set of numbers gave in the period: signals, rises to watch, patients with any signal.

    `days_watched` are the days of the period on which the rule was on, of all patients together.
    """

    rule: str
    signals: int = 0
    watches: int = 0
    patients_with_signals: int = 0
    days_watched: int = 0

    @property
    def per_patient_year(self) -> float | None:
        """Signals for each year watched; None where nothing was watched."""
        return self.signals * _DAYS_A_YEAR / self.days_watched if self.days_watched else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDates:
    """The days on which one patient's signals were raised in the period, under each set of numbers."""

    patient: str
    now: tuple[date, ...]
    instead: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The same patients under two sets of numbers.

    Attributes:
        now: under the active numbers; `instead`: under the others.
        patients: how many were run.
        newly_raised, no_longer_raised: patients with a signal under the one and none under the other.
        earlier, later: of the patients with a signal under both, those whose first one came on another day.
        median_days_later: of these patients with both, how many days later the first came; None without any.
        dates: of every patient with a signal under either.
    """

    now: RuleCounts
    instead: RuleCounts
    patients: int
    newly_raised: int
    no_longer_raised: int
    earlier: int = 0
    later: int = 0
    median_days_later: float | None = None
    dates: tuple[PatientDates, ...] = ()

    def __str__(self) -> str:
        """The comparison as a sentence."""
        signals = "signal" if self.instead.signals == 1 else "signals"
        return (
            f"With {self.instead.rule} there would have been {self.instead.signals} {signals} "
            f"instead of {self.now.signals}."
        )


def what_if(
    source: PatientSource,
    instead: Protocol,
    *,
    protocol: Protocol,
    period: Period = Period(),  # noqa: B008 - a tuple, and so cannot change
    processes: int | None = None,
    watch: Watch = unwatched,
) -> WhatIf:
    """Run both sets of numbers over every patient and compare what they raised in a period.

    Args:
        source: the patients; the whole of their histories is used, whatever the period.
        instead: the other numbers.
        protocol: the active numbers.
        period: only what was raised in it is counted.
        processes: how many; None for as many as the machine has processors.
        watch: sees every patient pass.
    """
    pairs = in_processes(
        partial(_both, source, protocol, instead), source.size, processes=processes or cpu_count() or 1
    )
    return compared(watch(pairs), protocol=protocol, instead=instead, period=period)


def compared(
    pairs: Iterable[tuple[PatientResult, PatientResult]],
    *,
    protocol: Protocol,
    instead: Protocol,
    period: Period,
) -> WhatIf:
    """The comparison of results that are at hand, each patient's under both sets of numbers."""
    counts = [RuleCounts(rule=rule.name) for rule in (protocol, instead)]
    patients, dates = 0, list[PatientDates]()
    for pair in pairs:
        patients += 1
        counts = [_with(count, result, period) for count, result in zip(counts, pair, strict=True)]
        now, other = (_raised_in(result, period) for result in pair)
        if now or other:
            dates.append(PatientDates(patient=pair[0].name, now=now, instead=other))
    delays = [(one.instead[0] - one.now[0]).days for one in dates if one.now and one.instead]
    return WhatIf(
        now=counts[0],
        instead=counts[1],
        patients=patients,
        newly_raised=sum(not one.now for one in dates),
        no_longer_raised=sum(not one.instead for one in dates),
        earlier=sum(days < 0 for days in delays),
        later=sum(days > 0 for days in delays),
        median_days_later=statistics.median(delays) if delays else None,
        dates=tuple(dates),
    )


def _raised_in(result: PatientResult, period: Period) -> tuple[date, ...]:
    return tuple(one.raised_on for one in result.signals if period.holds(one.raised_on))


def _with(count: RuleCounts, result: PatientResult, period: Period) -> RuleCounts:
    """The count with one patient more."""
    signals = len(_raised_in(result, period))
    return replace(
        count,
        signals=count.signals + signals,
        watches=count.watches + sum(period.holds(day) for day in result.watches),
        patients_with_signals=count.patients_with_signals + bool(signals),
        days_watched=count.days_watched + _days_in(result, period),
    )


def _days_in(result: PatientResult, period: Period) -> int:
    if result.watched_from is None or result.watched_until is None:
        return 0
    first = max(result.watched_from, period.first or result.watched_from)
    last = min(result.watched_until, period.last or result.watched_until)
    return max(0, (last - first).days + 1)


def _both(
    source: PatientSource, protocol: Protocol, instead: Protocol, numbers: tuple[int, int]
) -> list[tuple[PatientResult, PatientResult]]:
    return [
        (backtested(patient, protocol=protocol), backtested(patient, protocol=instead))
        for patient in source.patients(*numbers)
    ]
