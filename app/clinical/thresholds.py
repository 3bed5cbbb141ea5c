"""When a smoothed share reaches a level, and when it falls back. Each function is one sentence of the rule."""

from collections.abc import Sequence
from itertools import pairwise

from app.clinical.domains import MOOD
from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.protocol import Protocol
from app.clinical.reference import Reference


def median_gap(days: Sequence[int], gaps_counted: int) -> float:
    """The median of the latest few distances between check-in days, in days; 0 with fewer than two days.

    Only the latest, because what matters is how often the patient is asked now.
    """
    latest = days[-gaps_counted - 1 :]
    gaps = sorted(later - earlier for earlier, later in pairwise(latest))
    if not gaps:
        return 0.0
    middle = len(gaps) // 2
    return float(gaps[middle]) if len(gaps) % 2 else (gaps[middle - 1] + gaps[middle]) / 2


def look_back_days(within: int, recent_days: Sequence[int], protocol: Protocol) -> float:
    """How far back counts: so many days or 3.5 times the patient's median gap, whichever is longer."""
    return max(float(within), protocol.median_gaps * median_gap(recent_days, protocol.gaps_counted))


def reached_within(days: Sequence[int], least: int, *, today: int, within: float) -> bool:
    """Whether `least` of the days lie within the last `within` days, today included."""
    return len(days) >= least and today - days[-least] < within


def consider_threshold(reference: Reference, protocol: Protocol) -> float:
    """0.55, or 0.65 when the gain rests on an assumed baseline."""
    return protocol.consider_at_assumed if reference.assumes_baseline else protocol.consider_at


def has_recent_days(track: Ewma, today: int, recent_days: Sequence[int], protocol: Protocol) -> bool:
    """At least 3 check-in days since the infusion within 10 days, or 3.5 median gaps if that is longer."""
    least, within = protocol.consider_least_days, protocol.consider_within_days
    if reached_within(track.days, least, today=today, within=within):
        return True
    look_back = look_back_days(within, recent_days, protocol)
    return reached_within(track.days, least, today=today, within=look_back)


def each_day_shows_it(track: Ewma, protocol: Protocol) -> bool:
    """The unsmoothed share is at least 0.35 on each of the last two check-in days."""
    bound = protocol.consider_each_day - ROUNDING
    return (
        track.share is not None
        and track.share_before is not None
        and track.share >= bound
        and track.share_before >= bound
    )


def gain_is_worth_losing(reference: Reference, protocol: Protocol) -> bool:
    """The weighted mean gain is at least 1.5 points."""
    return reference.mean_gain >= protocol.least_gain - ROUNDING


def gain_loss_considers(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """Criterion A says consider: enough lost, on both last days, from enough recent days, and a real gain."""
    return (
        track.smoothed >= consider_threshold(reference, protocol) - ROUNDING
        and each_day_shows_it(track, protocol)
        and gain_is_worth_losing(reference, protocol)
        and has_recent_days(track, today, recent_days, protocol)
    )


def domain_may_speak(
    track: Ewma, index: int, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """The terms of criterion C: a gain of 1.5, answered on 5 days in 14 or, asked seldom, 3 in 3.5 gaps."""
    gain = reference.gains[index]
    if gain is None or gain < protocol.domain_least_gain - ROUNDING:
        return False
    if not gain_is_worth_losing(reference, protocol):
        return False
    within = protocol.domain_within_days
    if reached_within(track.days, protocol.domain_least_days, today=today, within=within):
        return True
    look_back = protocol.median_gaps * median_gap(recent_days, protocol.gaps_counted)
    least = protocol.domain_least_days_sparse
    return look_back >= within and reached_within(track.days, least, today=today, within=look_back)


def domain_watch_threshold(index: int, protocol: Protocol) -> float:
    """0.5 for mood, 0.8 for energy or sleep."""
    return protocol.mood_watch_at if index == MOOD else protocol.other_watch_at


def domain_watches(
    track: Ewma, index: int, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """Criterion C says watch, or more."""
    return track.smoothed >= domain_watch_threshold(index, protocol) - ROUNDING and domain_may_speak(
        track, index, reference, today, recent_days, protocol
    )


def mood_considers(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """Criterion C says consider: mood alone has lost 0.75 of its gain. Only mood can."""
    return track.smoothed >= protocol.mood_consider_at - ROUNDING and domain_may_speak(
        track, MOOD, reference, today, recent_days, protocol
    )
