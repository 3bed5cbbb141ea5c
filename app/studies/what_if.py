"""What if: other numbers of the rule run over past check-ins, and the counts compared.

"With consider_at=0.6 there would have been 11 signals instead of 17." Both rules start from nothing and
close their own signals, so this compares rules; it does not retell what the clinic did.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from os import cpu_count
from typing import NamedTuple

from app.clinical.protocol import Protocol
from app.studies.backtest import PatientResult, backtested
from app.studies.patients import PatientSource
from app.studies.processes import Watch, in_processes, unwatched


class Period(NamedTuple):
    """From a day to a day, both included; None leaves it open."""

    first: date | None = None
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a day lies in the period."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCounts:
    """What one set of numbers gave in the period: signals, rises to watch, patients with any signal."""

    rule: str
    signals: int = 0
    watches: int = 0
    patients_with_signals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The same patients under two sets of numbers.

    Attributes:
        now: under the numbers in force; `instead`: under the others.
        patients: how many were run.
        newly_raised, no_longer_raised: patients with a signal under the one and none under the other.
    """

    now: RuleCounts
    instead: RuleCounts
    patients: int
    newly_raised: int
    no_longer_raised: int

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
        protocol: the numbers in force.
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
    counts = [[0, 0, 0], [0, 0, 0]]
    patients = newly = no_longer = 0
    for pair in pairs:
        patients += 1
        raised = []
        for count, result in zip(counts, pair, strict=True):
            signals = sum(period.holds(signal.raised_on) for signal in result.signals)
            watches = sum(period.holds(day) for day in result.watches)
            raised.append(bool(signals))
            for place, found in enumerate((signals, watches, bool(signals))):
                count[place] += found
        newly += raised[1] and not raised[0]
        no_longer += raised[0] and not raised[1]
    now, other = (
        RuleCounts(rule=rule.name, signals=signals, watches=watches, patients_with_signals=with_any)
        for rule, (signals, watches, with_any) in zip((protocol, instead), counts, strict=True)
    )
    return WhatIf(now=now, instead=other, patients=patients, newly_raised=newly, no_longer_raised=no_longer)


def _both(
    source: PatientSource, protocol: Protocol, instead: Protocol, numbers: tuple[int, int]
) -> list[tuple[PatientResult, PatientResult]]:
    return [
        (backtested(patient, protocol=protocol), backtested(patient, protocol=instead))
        for patient in source.patients(*numbers)
    ]
