"""Counting results one by one: no result is kept, so a study of any size takes the same state."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from typing import Final

from app.studies.backtest import PatientResult
from app.studies.measures import (
    DAYS_A_YEAR,
    LATE_DAYS,
    SOON_DAYS,
    FalseSignals,
    FoundLosses,
    Measures,
    first_false_signals_a_year,
)

ROUNDING: Final = 1e-9
"""Nine tenths of ten patients are nine, whatever binary fractions say."""


def measured(results: Iterable[PatientResult]) -> Measures:
    """The measures of a run, from its results one by one."""
    tally = Tally()
    for result in results:
        tally.add(result)
    return tally.measures()


@dataclass(slots=True)
class StableTally:
    """What must be counted of the patients who never lost the benefit."""

    patients: int = 0
    rule_on: int = 0
    with_any: int = 0
    days: int = 0
    episodes: int = 0
    watches: int = 0

    def add(self, result: PatientResult) -> None:
        """Count one stable patient."""
        self.patients += 1
        if result.rule_on:
            self.rule_on += 1
            self.with_any += bool(result.signals)
            self.days += result.days_watched
            self.episodes += len(result.signals)
            self.watches += len(result.watches)

    def measures(self) -> FalseSignals:
        """What was false."""
        years = self.days / DAYS_A_YEAR
        return FalseSignals(
            stable=self.patients,
            rule_on=self.rule_on,
            with_any=self.with_any,
            years_watched=years,
            first_a_year=first_false_signals_a_year(self.with_any, self.rule_on, years),
            episodes_a_year=_share(self.episodes, years),
            watches_a_year=_share(self.watches, years),
        )


@dataclass(slots=True)
class LostTally:
    """What must be counted of the losses; one never found counts by how long it was followed after the onset."""

    patients: int = 0
    rule_on: int = 0
    raised_before: int = 0
    delays: Counter[int] = field(default_factory=Counter)
    never_found_after: Counter[int] = field(default_factory=Counter)

    def add(self, result: PatientResult, lost_on: date) -> None:
        """Count one loss that began on this day."""
        self.patients += 1
        if not result.rule_on:
            return
        self.rule_on += 1
        if any(signal.raised_on < lost_on for signal in result.signals):
            self.raised_before += 1
        elif result.signals:
            self.delays[(result.signals[0].raised_on - lost_on).days] += 1
        else:
            followed = (result.last_on - lost_on).days if result.last_on else 0
            self.never_found_after[followed] += 1

    def measures(self) -> FoundLosses:
        """What was found."""
        return FoundLosses(
            lost=self.patients,
            rule_on=self.rule_on,
            raised_before=self.raised_before,
            share_raised_before=_share(self.raised_before, self.rule_on),
            to_find=self.rule_on - self.raised_before,
            share_within_14=self._share_within(SOON_DAYS),
            share_within_40=self._share_within(LATE_DAYS),
            median_delay=self._delay_of(0.5),
            ninetieth_delay=self._delay_of(0.9),
        )

    def _share_within(self, days: int) -> float | None:
        """Of those found at all, or not found although followed for so long."""
        found = sum(n for delay, n in self.delays.items() if delay <= days)
        later = sum(n for delay, n in self.delays.items() if delay > days)
        missed = sum(n for followed, n in self.never_found_after.items() if followed >= days)
        return _share(found, found + later + missed)

    def _delay_of(self, share: float) -> int | None:
        """The days by which this share of all that were to find had been found."""
        to_find = self.rule_on - self.raised_before
        wanted, found = ceil(share * to_find - ROUNDING), 0
        for delay, n in sorted(self.delays.items()):
            found += n
            if found >= wanted:
                return delay
        return None


@dataclass(slots=True)
class Tally:
    """What must be counted of each result, so that no result has to be kept."""

    patients: int = 0
    check_ins: int = 0
    days_watched: int = 0
    signals: int = 0
    watches: int = 0
    references: Counter[str] = field(default_factory=Counter)
    no_reference: Counter[str] = field(default_factory=Counter)
    rule_off: Counter[str] = field(default_factory=Counter)
    by_criterion: Counter[str] = field(default_factory=Counter)
    stable: StableTally = field(default_factory=StableTally)
    lost: LostTally = field(default_factory=LostTally)

    def add(self, result: PatientResult) -> None:
        """Count one patient."""
        self.patients += 1
        self.check_ins += result.check_ins
        self.days_watched += result.days_watched
        self.signals += len(result.signals)
        self.watches += len(result.watches)
        self.references[result.reference.value] += 1
        self.by_criterion.update(signal.criterion.value for signal in result.signals)
        if result.no_reference_because:
            self.no_reference[result.no_reference_because] += 1
        if result.rule_off_because:
            self.rule_off[result.rule_off_because] += 1
        if result.outcome is not None:
            if result.outcome.lost_on is None:
                self.stable.add(result)
            else:
                self.lost.add(result, result.outcome.lost_on)

    def measures(self) -> Measures:
        """What has been counted so far."""
        years = self.days_watched / DAYS_A_YEAR
        return Measures(
            patients=self.patients,
            check_ins=self.check_ins,
            references=_in_order(self.references),
            no_reference=_in_order(self.no_reference),
            rule_off=_in_order(self.rule_off),
            signals=self.signals,
            watches=self.watches,
            by_criterion=_in_order(self.by_criterion),
            years_watched=years,
            signals_a_year=_share(self.signals, years),
            false_signals=self.stable.measures() if self.stable.patients else None,
            found=self.lost.measures() if self.lost.patients else None,
            delays=dict(sorted(self.lost.delays.items())),
        )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _in_order(counts: Counter[str]) -> dict[str, int]:
    """Most frequent first; equal counts by name, so that a report is the same every time."""
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
