"""The forms that numbers take here (None where there is nothing), and what became of signals and safety events."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from app.clinical.check_ins import calendar_day, zone_of
from app.clinical.episodes import Disposition
from app.clinical.levels import CriterionName
from app.clinical.safety import Urgency
from app.clinical.waiting import WaitingLimits, safety_wait, signal_wait
from app.foundation.errors import RefusalError
from app.storage.insights import CountedSignal, ReportedSafety

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


REAL: Final = (Disposition.BOOSTER_GIVEN, Disposition.BOOSTER_BOOKED, Disposition.OTHER_TREATMENT)
"""Someone treated: the signal was right."""
FALSE: Final = (Disposition.NOT_A_RELAPSE, Disposition.DATA_PROBLEM)
"""Someone said that it was not."""
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalNumbers:
    """The signals that were raised in the period, and what has become of them by now.

    Attributes:
        by_criterion: by the criterion that each was raised on first.
        waiting: nobody has acknowledged or closed it yet.
        in_time: acknowledged within the clinic's limit, of those acknowledged at all or waiting longer than it.
        hours: from raised to acknowledged, of those that were.
        dispositions: of the closed ones.
        precision: of those closed as real (`REAL`) or as false (`FALSE`), the real ones. `watchful_waiting`
            and `consent_withdrawn` say neither and are in neither count.
    """

    raised: int
    by_criterion: Mapping[str, int]
    by_level: Mapping[str, int]
    waiting: int
    in_time: Share
    hours: Times
    escalated: int
    not_closed: int
    dispositions: Mapping[str, int]
    precision: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyNumbers:
    """The safety events that came in the period; `in_time` and `minutes` as for signals."""

    reported: int
    urgent: int
    waiting: int
    in_time: Share
    minutes: Times
    escalated: int


def count_signals(
    signals: Sequence[CountedSignal], *, limits: WaitingLimits, as_of: datetime
) -> SignalNumbers:
    """Count them. The limit is the one that the clinic has now."""
    criteria = Counter(one.criterion for one in signals)
    dispositions = Counter(one.disposition for one in signals)
    real, false = (sum(dispositions[one.value] for one in which) for which in (REAL, FALSE))
    limit = signal_wait(limits)
    answered = [
        _in_time(one.raised_at, one.acknowledged_at, one.closed_at or as_of, limit) for one in signals
    ]
    return SignalNumbers(
        raised=len(signals),
        by_criterion={name.value: criteria[name.value] for name in CriterionName},
        by_level=dict(Counter(one.level for one in signals)),
        waiting=sum(one.acknowledged_at is None and one.closed_at is None for one in signals),
        in_time=_share(answered),
        hours=times_of(
            (one.acknowledged_at - one.raised_at) / _HOUR for one in signals if one.acknowledged_at
        ),
        escalated=sum(one.escalated_at is not None for one in signals),
        not_closed=sum(one.closed_at is None for one in signals),
        dispositions={one.value: dispositions[one.value] for one in Disposition},
        precision=Share(real, real + false),
    )


def count_safety(
    events: Sequence[ReportedSafety], *, limits: WaitingLimits, as_of: datetime
) -> SafetyNumbers:
    """Count them. Each has the limit that the clinic has now for its urgency."""
    answered = [
        _in_time(
            one.received_at,
            one.acknowledged_at,
            as_of,
            safety_wait(limits, Urgency.URGENT if one.urgent else Urgency.PROMPT),
        )
        for one in events
    ]
    return SafetyNumbers(
        reported=len(events),
        urgent=sum(one.urgent for one in events),
        waiting=sum(one.acknowledged_at is None for one in events),
        in_time=_share(answered),
        minutes=times_of(
            (one.acknowledged_at - one.received_at) / _MINUTE for one in events if one.acknowledged_at
        ),
        escalated=sum(one.escalated_at is not None for one in events),
    )


def _in_time(
    since: datetime, acknowledged_at: datetime | None, until: datetime, limit: timedelta
) -> bool | None:
    """Whether someone was quick enough; None while there is time, or when it was over within it unseen."""
    if acknowledged_at is not None:
        return acknowledged_at - since <= limit
    return False if until - since > limit else None


def _share(answers: Sequence[bool | None]) -> Share:
    known = [one for one in answers if one is not None]
    return Share(sum(known), len(known))
