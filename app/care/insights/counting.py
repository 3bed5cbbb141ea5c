"""What became of signals and safety events: counted, and how long they waited for someone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.care.insights.figures import Share, Times, times_of
from app.clinical.episodes import Disposition
from app.clinical.levels import CriterionName
from app.clinical.safety import Urgency
from app.clinical.waiting import WaitingLimits, safety_wait, signal_wait
from app.storage.insights import CountedSignal, ReportedSafety

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
