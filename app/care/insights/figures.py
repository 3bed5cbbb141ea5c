"""The forms that numbers take here: a share with its counts, times with their number. None where there is nothing."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from app.clinical.check_ins import calendar_day, zone_of
from app.foundation.errors import RefusalError

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
        censored: durations known to be at least so long. One as long as an ended one counts as censored
            when that ended.

    The median of the ended ones alone would be too short: long ones are the censored ones.
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


STANDARD_DAYS: Final = 90
MOST_DAYS: Final = 366


class PeriodRefusedError(RefusalError):
    """A period begins before it ends, has at most 366 days and ends no later than tomorrow, by the clinic's clock."""

    code = "period-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days from `first` on and before `end`.

    What has a moment is in it by the clinic's clock. What has a day (a check-in, an infusion, a loss)
    is in it by that day where the patient is.
    """

    first: date
    end: date
    time_zone: str = "UTC"

    @property
    def began_at(self) -> datetime:
        """The first moment that is in it."""
        return datetime.combine(self.first, time(), zone_of(self.time_zone))

    @property
    def ended_at(self) -> datetime:
        """The first moment that is not in it any more."""
        return datetime.combine(self.end, time(), zone_of(self.time_zone))


def period_of(first: date | None, end: date | None, *, now: datetime, time_zone: str) -> Period:
    """The period that was asked for; without an end up to and with today, without a first day 90 days.

    Raises:
        PeriodRefusedError: it is empty, too long, or ends in the future.
    """
    tomorrow = calendar_day(now, time_zone) + timedelta(days=1)
    end = end or tomorrow
    first = first or end - timedelta(days=STANDARD_DAYS)
    if end > tomorrow:
        raise PeriodRefusedError("query/to")
    if not 0 < (end - first).days <= MOST_DAYS:
        raise PeriodRefusedError("query/from")
    return Period(first=first, end=end, time_zone=time_zone)
