"""Criterion C: one domain alone. An average hides it when only mood is lost, and mood is the core symptom."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from app.clinical.criterion_a_gain import is_small
from app.clinical.domains import MOOD, NAMES, PerDomain
from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.known_now import reached_within, usual_gap
from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import Protocol
from app.clinical.reasons import (
    AskScale,
    Criterion,
    DomainLostEnough,
    DomainStillWatching,
    DomainWatchReached,
    Reason,
)
from app.clinical.reference import Reference

SCALE_TO_ASK: Final = "phq-9"


def enough_was_gained(reference: Reference, protocol: Protocol) -> bool:
    """The gains that the rule uses, weighted, are at least 1.5 points (in rule 1.0 the measured ones)."""
    if protocol.generation == 1:
        return not is_small(reference, protocol)
    return reference.mean_rule_gain >= protocol.least_gain - ROUNDING


def domain_may_speak(
    track: Ewma, index: int, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """A gain of 1.5, and answered on 5 days in 14 or, asked seldom, on 3 in 3.5 usual gaps."""
    gain = reference.rule_gains[index]
    if gain is None or gain < protocol.domain_least_gain - ROUNDING:
        return False
    if not enough_was_gained(reference, protocol):
        return False
    within = protocol.domain_within_days
    if reached_within(track.days, protocol.domain_least_days, today=today, within=within):
        return True
    look_back = protocol.median_gaps * usual_gap(recent_days, protocol)
    least = protocol.domain_least_days_sparse
    return look_back >= within and reached_within(track.days, least, today=today, within=look_back)


def domain_watch_threshold(index: int, protocol: Protocol) -> float:
    """0.5 for mood, 0.8 for energy or sleep."""
    return protocol.mood_watch_at if index == MOOD else protocol.other_watch_at


def domain_watches(
    track: Ewma, index: int, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """One domain has lost enough to watch, or more."""
    return track.smoothed >= domain_watch_threshold(index, protocol) - ROUNDING and domain_may_speak(
        track, index, reference, today, recent_days, protocol
    )


def mood_considers(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """Mood alone has lost 0.75 of its gain: consider. Only mood can."""
    return track.smoothed >= protocol.mood_consider_at - ROUNDING and domain_may_speak(
        track, MOOD, reference, today, recent_days, protocol
    )


def criterion_c(
    tracks: PerDomain[Ewma | None],
    reference: Reference,
    today: int,
    recent_days: Sequence[int],
    protocol: Protocol,
) -> tuple[Criterion, ...]:
    """One criterion for each domain that says watch or more; most days there are none."""
    if not enough_was_gained(reference, protocol):
        return ()
    mood, energy, sleep = tracks
    if (
        (mood is None or mood.watching_since is None)
        and (energy is None or energy.watching_since is None)
        and (sleep is None or sleep.watching_since is None)
    ):
        return ()
    return tuple(
        _criterion(track, track.watching_since, index, reference, today, recent_days, protocol)
        for index, track in enumerate(tracks)
        if track is not None and track.watching_since is not None
    )


def _criterion(
    track: Ewma,
    since: int,
    index: int,
    reference: Reference,
    today: int,
    recent_days: Sequence[int],
    protocol: Protocol,
) -> Criterion:
    domain, level = NAMES[index], Level.WATCH
    watch_at = domain_watch_threshold(index, protocol)
    reason: Reason = DomainStillWatching(domain, track.smoothed, protocol.steady_below)
    if index == MOOD and mood_considers(track, reference, today, recent_days, protocol):
        level = Level.CONSIDER_BOOSTER
        reason = DomainLostEnough(domain, track.smoothed, protocol.mood_consider_at)
    elif track.smoothed >= watch_at - ROUNDING:
        reason = DomainWatchReached(domain, track.smoothed, watch_at)
    return Criterion(
        CriterionName.ONE_DOMAIN, level, (reason, AskScale(SCALE_TO_ASK)), date.fromordinal(since), domain
    )
