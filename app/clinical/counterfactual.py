"""What would have changed a decision: the smallest whole report that would have kept it below consider."""

from math import floor

from app.clinical.channels import CHANNELS, HIGHEST, MOOD
from app.clinical.gain import ROUNDING, Track
from app.clinical.grounds import Reason, ReasonCode
from app.clinical.loss import Loss
from app.clinical.protocol import Protocol
from app.clinical.reference import Reference
from app.clinical.thresholds import consider_threshold


def would_have_changed(
    before: Loss | None,
    now: Loss,
    reference: Reference,
    *,
    gain_lost: bool,
    mood_alone: bool,
    protocol: Protocol,
) -> Reason:
    """The least report of one channel, on the last check-in day or on either of the last two.

    Channels are tried in their order, on both days first and then on the last alone; other reports stay
    as they were. `gain_lost` and `mood_alone` say which grounds are at consider: all of them would have
    to fall.
    """
    for last_days in (2, 1):
        for index in range(len(CHANNELS)):
            report = _least_report(index, before, now, reference, last_days, gain_lost, mood_alone, protocol)
            if report is not None:
                channel = CHANNELS[index].value
                facts = (("channel", channel), ("report", report), ("last_days", last_days))
                return Reason(ReasonCode.WOULD_HAVE_CHANGED, facts)
    return Reason(ReasonCode.NOTHING_WOULD_HAVE_CHANGED)


def _least_report(
    index: int,
    before: Loss | None,
    now: Loss,
    reference: Reference,
    last_days: int,
    gain_lost: bool,
    mood_alone: bool,
    protocol: Protocol,
) -> int | None:
    """The least whole report that does it on each of the last days; None when there is none up to 10."""
    needed: list[float | None] = []
    if gain_lost:
        needed.append(_for_gain_lost(index, now, None, reference, protocol))
        if last_days > 1:
            needed.append(_for_gain_lost(index, before, now, reference, protocol))
    if mood_alone and index == MOOD:
        needed.append(_for_mood(now, None, reference, protocol))
        if last_days > 1:
            needed.append(_for_mood(before, now, reference, protocol))
    elif mood_alone:
        return None
    known = [bound for bound in needed if bound is not None]
    if len(known) < len(needed) or not known:
        return None
    report = max(0, floor(max(known) + ROUNDING) + 1)
    return report if report <= HIGHEST else None


def _for_gain_lost(
    index: int, loss: Loss | None, later: Loss | None, reference: Reference, protocol: Protocol
) -> float | None:
    """Above which report that day's weighted share, or S now, would have missed its threshold."""
    if loss is None or loss.weighted is None:
        return None
    if later is not None and (later.weighted is None or later.weighted.day == loss.weighted.day):
        return None
    threshold = consider_threshold(reference, protocol)
    bound = _share_bound(loss.weighted, later.weighted if later else None, threshold)
    bound = max(bound, protocol.consider_each_day)
    return _report_for(index, loss.weighted, loss, bound, reference, protocol)


def _for_mood(
    loss: Loss | None, later: Loss | None, reference: Reference, protocol: Protocol
) -> float | None:
    """Above which mood the mood's own smoothed share would now be below 0.75."""
    track = loss.channels[MOOD] if loss else None
    later_track = later.channels[MOOD] if later else None
    value, gain = reference.values[MOOD], reference.gains[MOOD]
    if track is None or value is None or gain is None or (later is not None and later_track is None):
        return None
    if later_track is not None and later_track.day == track.day:
        return None
    bound = _share_bound(track, later_track, protocol.mood_consider_at)
    return value - gain * bound if bound >= protocol.share_lowest else None


def _share_bound(track: Track, later: Track | None, threshold: float) -> float:
    """The share of that day below which S, now, would be below the threshold."""
    target = threshold
    if later is not None and later.share is not None:
        if later.rate >= 1:
            return float("-inf")
        target = (threshold - later.rate * later.share) / (1 - later.rate)
    if not track.rate:
        return float("-inf")
    return (target - (1 - track.rate) * track.smoothed_before) / track.rate


def _report_for(
    index: int, track: Track, loss: Loss, bound: float, reference: Reference, protocol: Protocol
) -> float | None:
    """The report of this channel that brings the weighted share of the track's day to the bound."""
    channel, value, gain = loss.channels[index], reference.values[index], reference.gains[index]
    if channel is None or channel.day != track.day or channel.share is None or value is None or not gain:
        return None
    answered = sum(
        weight
        for weight, one in zip(reference.weights, loss.channels, strict=True)
        if one is not None and one.day == track.day and one.share is not None
    )
    weight = reference.weights[index] / answered if answered else 0.0
    if not weight or track.share is None:
        return None
    share = channel.share - (track.share - bound) / weight
    return value - gain * share if share >= protocol.share_lowest else None
