"""What is counted of one run of a rule on one seed: over everyone with a reference, from the onset as a fraction.

Where a rule is off, nothing is found. *Strict* is fewer than 14.0 days after the onset, *inclusive* fewer than 15.0.
Never one seed alone: each figure stands with its standard error over the seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log, sqrt
from statistics import mean, stdev
from typing import Final

from app.studies.measures import DAYS_A_YEAR

STRICT_DAYS, INCLUSIVE_DAYS, FOUR_WEEKS, LATE_DAYS = 14.0, 15.0, 28.0, 40.0
WINDOW_DAYS: Final = 8
"""Stable patients are watched from the day after their reference window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One rule on one seed; shares are of everyone with a reference and no earlier signal.

    Attributes:
        false_a_year: first false signals a patient-year; `episodes_a_year` are all of them.
        strict, inclusive, in_28, late: found within 14, 15, 28 and 40 days of the onset.
        ninetieth: days by which nine tenths were found; infinite when they never were.
        off: the share with a reference for whom the rule was off.
        notices_a_year: signals a year after the onset.
    """

    false_a_year: float
    episodes_a_year: float
    strict: float
    inclusive: float
    in_28: float
    late: float
    ninetieth: float
    off: float
    notices_a_year: float


@dataclass(slots=True)
class OnsetCounts:
    """What must be counted of each patient with a reference.

    Attributes:
        followed_days: how long each is followed after induction.
    """

    followed_days: int
    stable: int = 0
    with_any: int = 0
    episodes: int = 0
    off: int = 0
    notices: int = 0
    lost_days: float = 0.0
    delays: list[float] = field(default_factory=list)

    def add(self, onset: float | None, raised: Sequence[float], *, rule_on: bool) -> None:
        """Count one patient: the onset of the loss, None when there is none, and the days of the signals."""
        self.off += not rule_on
        if onset is None:
            self.stable, self.with_any = self.stable + 1, self.with_any + bool(raised)
            self.episodes += len(raised)
            return
        self.notices += sum(day >= onset for day in raised)
        self.lost_days += self.followed_days - onset
        if not raised or raised[0] >= onset:
            self.delays.append(raised[0] - onset if raised else inf)

    def figures(self) -> Figures:
        """What was counted."""
        years = self.stable * (self.followed_days - WINDOW_DAYS) / DAYS_A_YEAR
        share = self.with_any / self.stable if self.stable else 0.0
        people = self.stable + len(self.delays)
        by_delay = sorted(self.delays)
        return Figures(
            false_a_year=inf if share >= 1 else -log(1 - share) * self.stable / years if years else 0.0,
            episodes_a_year=self.episodes / years if years else 0.0,
            strict=self._within(STRICT_DAYS),
            inclusive=self._within(INCLUSIVE_DAYS),
            in_28=self._within(FOUR_WEEKS),
            late=self._within(LATE_DAYS),
            ninetieth=by_delay[int(0.9 * len(by_delay))] if by_delay else 0.0,
            off=self.off / people if people else 0.0,
            notices_a_year=self.notices / (self.lost_days / DAYS_A_YEAR) if self.lost_days else 0.0,
        )

    def _within(self, days: float) -> float:
        return sum(delay < days for delay in self.delays) / len(self.delays) if self.delays else 0.0


def with_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean over seeds and its standard error; 0 for one seed, which has none, and where one has no bound."""
    if not all(map(isfinite, values)):
        return inf, 0.0
    return mean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


def rate_with_error(values: Sequence[float]) -> str:
    """A rate as "0.85 ± 0.02"; "all" where on one seed everybody had one."""
    middle, error = with_error(values)
    return f"{middle:.2f} ± {error:.2f}" if isfinite(middle) else "all"


def share_with_error(values: Sequence[float]) -> str:
    """A share as "83.8 ± 0.4", in percent."""
    middle, error = with_error(values)
    return f"{middle * 100:.1f} ± {error * 100:.1f}"


def days_with_error(values: Sequence[float]) -> str:
    """Days as "113.5 ± 2.5"; "never" where one seed has no such day."""
    middle, error = with_error(values)
    return f"{middle:.1f} ± {error:.1f}" if isfinite(middle) else "never"
