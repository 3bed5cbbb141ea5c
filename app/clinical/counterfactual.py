"""What would have changed a decision: the smallest whole report that would have kept it below consider."""

from math import floor, inf
from typing import NamedTuple

from app.clinical.criterion_a_gain import consider_threshold
from app.clinical.domains import HIGHEST, MOOD, NAMES
from app.clinical.ewma import ROUNDING, Ewma, share_lost
from app.clinical.protocol import Protocol
from app.clinical.reasons import Counterfactual, NoCounterfactual, Reason
from app.clinical.reference import Reference
from app.clinical.state.loss import Loss


class _Day(NamedTuple):
    """One of the last two check-in days, and below which shares it would not have led to consider.

    Attributes:
        loss: as of that day.
        answered: the weight of the domains answered on it.
        weighted: the bound of the weighted share; None when criterion A is not at consider.
        mood: the bound of mood's own share; None when criterion C is not at consider.
        shares: the domains' shares of that day before any cap; `raw` is their weighted sum.
    """

    loss: Loss
    answered: float
    weighted: float | None
    mood: float | None
    shares: list[float | None]
    raw: float


def counterfactual(
    before: Loss | None,
    now: Loss,
    reference: Reference,
    *,
    gain_lost: bool,
    mood_alone: bool,
    protocol: Protocol,
) -> Reason:
    """The least report of one domain, on the last check-in day or on either of the last two.

    Domains are tried in their order, on both days first and then on the last alone; other reports stay
    as they were. `gain_lost` and `mood_alone` say which criteria are at consider: all of them would have
    to fall.
    """
    last = _day(now, None, reference, gain_lost, mood_alone, protocol)
    on_last = [_least_report(index, last, reference, protocol) for index in range(3)]
    if last is None or on_last == [None, None, None]:
        return NoCounterfactual()
    earlier = _day(before, now, reference, gain_lost, mood_alone, protocol)
    for index, report in enumerate(on_last):
        if report is not None:
            on_earlier = _least_report(index, earlier, reference, protocol)
            if on_earlier is not None:
                return _changed(index, max(report, on_earlier), last_days=2)
    return next(
        _changed(index, report, last_days=1) for index, report in enumerate(on_last) if report is not None
    )


def _changed(index: int, report: int, *, last_days: int) -> Reason:
    return Counterfactual(NAMES[index], report, last_days)


def _least_report(index: int, day: _Day | None, reference: Reference, protocol: Protocol) -> int | None:
    """The least whole report of the domain that does it on that day; None when there is none up to 10."""
    above = None if day is None else _report_above(index, day, reference, protocol)
    if above is None or above + ROUNDING >= HIGHEST:
        return None
    return max(0, floor(above + ROUNDING) + 1)


def _report_above(index: int, day: _Day, reference: Reference, protocol: Protocol) -> float | None:
    """Above which report of this domain no criterion would be at consider; None when none is high enough."""
    if day.mood is None:
        return _for_gain_lost(index, day, reference, protocol)
    if index != MOOD:
        return None
    for_mood = _report_at(index, day.mood, reference, protocol)
    if day.weighted is None or for_mood is None:
        return for_mood
    for_gain = _for_gain_lost(index, day, reference, protocol)
    return None if for_gain is None else max(for_mood, for_gain)


def _for_gain_lost(index: int, day: _Day, reference: Reference, protocol: Protocol) -> float | None:
    """The report of this domain that brings the weighted share of the day to its bound."""
    domain, track, weight = day.loss.domains[index], day.loss.weighted, reference.weights[index]
    if domain is None or track is None or day.weighted is None:
        return None
    own = day.shares[index]
    if not weight or domain.day != track.day or own is None or track.share is None:
        return None
    share = own - (day.raw - day.weighted * day.answered) / weight
    return _report_at(index, share, reference, protocol)


def _uncapped(index: int, loss: Loss, reference: Reference, protocol: Protocol) -> float | None:
    """The share of the domain's last day before any cap: what a report on it moves."""
    report, value, gain = loss.reports[index], reference.rule_values[index], reference.rule_gains[index]
    if report is None or value is None or gain is None:
        return None
    return share_lost(report, reference=value, gain=gain, protocol=protocol) if gain > 0 else 0.0


def _report_at(index: int, share: float, reference: Reference, protocol: Protocol) -> float | None:
    """The report at which the domain has lost this share; None when no report is that good."""
    value, gain = reference.rule_values[index], reference.rule_gains[index]
    if value is None or gain is None or share < protocol.share_lowest:
        return None
    return value - gain * share


def _day(
    loss: Loss | None,
    later: Loss | None,
    reference: Reference,
    gain_lost: bool,
    mood_alone: bool,
    protocol: Protocol,
) -> _Day | None:
    """The bounds of the day of `loss`, when `later` is the day after it; None when it was no separate day."""
    if loss is None:
        return None
    track, mood = loss.weighted, loss.domains[MOOD]
    weighted_bound = mood_bound = None
    answered = raw = 0.0
    shares: list[float | None] = [None, None, None]
    if gain_lost:
        later_track = later.weighted if later else None
        if track is None or (later and (later_track is None or later_track.day == track.day)):
            return None
        threshold = consider_threshold(reference, protocol)
        weighted_bound = max(_share_bound(track, later_track, threshold), protocol.consider_each_day)
        for index, one in enumerate(loss.domains):
            if one is not None and one.day == track.day and one.share is not None:
                # Rule 1.0 capped no day, so its shares are at hand.
                share = one.share if protocol.generation == 1 else _uncapped(index, loss, reference, protocol)
                shares[index] = share
                weight = reference.weights[index]
                answered += weight
                raw += weight * (share or 0.0)
    if mood_alone:
        later_mood = later.domains[MOOD] if later else None
        if mood is None or (later and (later_mood is None or later_mood.day == mood.day)):
            return None
        mood_bound = _share_bound(mood, later_mood, protocol.mood_consider_at)
    return _Day(loss, answered, weighted_bound, mood_bound, shares, raw)


def _share_bound(track: Ewma, later: Ewma | None, threshold: float) -> float:
    """The share of that day below which S, now, would be below the threshold."""
    target = threshold
    if later is not None and later.share is not None:
        if later.rate >= 1:
            return -inf
        target = (threshold - later.rate * later.share) / (1 - later.rate)
    if not track.rate:
        return -inf
    return (target - (1 - track.rate) * track.smoothed_before) / track.rate
