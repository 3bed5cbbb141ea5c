"""The forms that numbers take here: a share with its counts, times with their number. None where there is nothing."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = 4
_NINETIETH: Final = 0.9
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many. Never a share without its two counts."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """The share, 0 to 1, with four digits; None of nothing."""
        return rate(self.count, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long something took: of how many, the middle one, and what nine of ten did not exceed."""

    count: int
    median: float | None
    ninetieth_percentile: float | None


def rate(count: float, of: float) -> float | None:
    """One number for each of another; None for each of nothing."""
    return round(count / of, _DIGITS) if of else None


def times_of(values: Iterable[float]) -> Times:
    """The median (of an even number the mean of the two in the middle) and the 90th percentile by nearest rank."""
    ordered = sorted(values)
    if not ordered:
        return Times(count=0, median=None, ninetieth_percentile=None)
    nearest = ordered[math.ceil(_NINETIETH * len(ordered)) - 1]
    return Times(
        count=len(ordered),
        median=round(statistics.median(ordered), 2),
        ninetieth_percentile=round(nearest, 2),
    )


def median_survival(ended: Sequence[int], censored: Sequence[int]) -> int | None:
    """The duration that half reach no longer, by Kaplan and Meier; None while more than half would still go on.

    Args:
        ended: durations that came to their end.
        censored: durations known to be at least so long. One as long as an ended one counts as still going on
            when that ended.

    The median of the ended ones alone would be too short: long ones are the ones still going on.
    """
    ends, breaks = Counter(ended), Counter(censored)
    going_on, surviving = len(ended) + len(censored), 1.0
    for duration in sorted({*ends, *breaks}):
        surviving *= 1 - ends[duration] / going_on
        # Nine decimals: half must not be missed by rounding noise.
        if round(surviving, 9) <= _HALF:
            return duration
        going_on -= ends[duration] + breaks[duration]
    return None
