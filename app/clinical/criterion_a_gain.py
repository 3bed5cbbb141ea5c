"""Criterion A: the improvement of induction is being lost.

The improvement counts as lost when the reports, smoothed over about five days, have given back half of it; no
single day counts for more than 85 %, and what few check-ins say about reference and gain is moved a little
towards what patients usually report.
"""

from collections.abc import Sequence
from datetime import date

from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.known_now import look_back_days, reached_within
from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import Protocol
from app.clinical.reasons import (
    BelowWatch,
    Criterion,
    GainTooSmall,
    LastDaysBetter,
    LostEnough,
    NoGain,
    Reason,
    ReferenceMissing,
    StillWatching,
    TooFewRecentDays,
    WatchReached,
)
from app.clinical.reference import NoReference, Reference


def nothing_to_lose(reference: Reference, protocol: Protocol) -> bool:
    """No improvement was measured: below 1.0 points nothing can be lost, and the rule is off.

    In rule 1.0 it is off only where no domain improved at all.
    """
    if protocol.generation == 1:
        return not any(reference.weights)
    return reference.mean_gain < protocol.no_gain_below - ROUNDING


def is_small(reference: Reference, protocol: Protocol) -> bool:
    """A gain below 1.5 points, weighted, as measured."""
    return reference.mean_gain < protocol.least_gain - ROUNDING


def consider_threshold(reference: Reference, protocol: Protocol) -> float:
    """Half of the gain; 0.53 with an assumed baseline, 0.60 of a small gain, 0.63 when it is both.

    A clinic that asks for more to be lost asks it of everyone: none of these lies below the first.
    """
    at = protocol.consider_at
    if protocol.generation > 1 and is_small(reference, protocol):
        at = protocol.consider_at_small_assumed if reference.assumes_baseline else protocol.consider_at_small
    elif reference.assumes_baseline:
        at = protocol.consider_at_assumed
    return max(protocol.consider_at, at)


def has_recent_days(track: Ewma, today: int, recent_days: Sequence[int], protocol: Protocol) -> bool:
    """The third-last check-in day lies within 10 days, or within 3.5 usual gaps if that is longer."""
    least, within = protocol.consider_least_days, protocol.consider_within_days
    if reached_within(track.days, least, today=today, within=within):
        return True
    look_back = look_back_days(within, recent_days, protocol)
    return reached_within(track.days, least, today=today, within=look_back)


def each_day_shows_it(track: Ewma, protocol: Protocol) -> bool:
    """The unsmoothed share is at least 0.35 on each of the last two check-in days since the infusion."""
    bound = protocol.consider_each_day - ROUNDING
    return (
        track.share is not None
        and track.share_before is not None
        and track.share >= bound
        and track.share_before >= bound
    )


def may_consider(reference: Reference, protocol: Protocol) -> bool:
    """In rule 1.0 a gain below 1.5 points says watch at most; rule 2.0 asks for more to be lost instead."""
    return protocol.generation > 1 or not is_small(reference, protocol)


def gain_loss_watches(track: Ewma, protocol: Protocol) -> bool:
    """Watch from a smoothed share of 0.35."""
    return track.smoothed >= protocol.watch_at - ROUNDING


def gain_loss_considers(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> bool:
    """Enough lost, on both last days, and from enough recent days."""
    return (
        track.smoothed >= consider_threshold(reference, protocol) - ROUNDING
        and each_day_shows_it(track, protocol)
        and may_consider(reference, protocol)
        and has_recent_days(track, today, recent_days, protocol)
    )


def criterion_a_missing(missing: NoReference) -> Criterion:
    """Without a reference criterion A says nothing, and why."""
    reason = ReferenceMissing(
        missing.because.value,
        missing.n_days,
        missing.days_needed,
        missing.until,
        missing.taken_on_at,
        missing.proposed_from,
        missing.proposed_to,
    )
    return Criterion(CriterionName.GAIN_LOST, Level.NO_REFERENCE, (reason,))


def criterion_a(
    track: Ewma | None, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> Criterion:
    """Consider when half of the gain is lost and recent days confirm it, watch from 0.35.

    Watch falls only to steady. Consider speaks about now: it needs its recent days at this moment.
    """
    if track is None:
        return Criterion(CriterionName.GAIN_LOST, Level.NO_REFERENCE, (NoGain(reference.mean_gain),))
    since = None if track.watching_since is None else date.fromordinal(track.watching_since)
    threshold = consider_threshold(reference, protocol)
    if track.smoothed >= threshold - ROUNDING:
        doubts = _doubts(track, reference, today, recent_days, protocol)
        if doubts:
            found = WatchReached(track.smoothed, protocol.watch_at)
            return Criterion(CriterionName.GAIN_LOST, Level.WATCH, (found, *doubts), since)
        lost = LostEnough(track.smoothed, threshold)
        return Criterion(CriterionName.GAIN_LOST, Level.CONSIDER_BOOSTER, (lost,), since)
    if track.watching_since is None:
        below = BelowWatch(track.smoothed, protocol.watch_at)
        return Criterion(CriterionName.GAIN_LOST, Level.STEADY, (below,))
    return Criterion(CriterionName.GAIN_LOST, Level.WATCH, (_watching(track, protocol),), since)


def _doubts(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[Reason, ...]:
    """Why a smoothed share that is high enough is not yet "consider"; empty when nothing is missing."""
    doubts: list[Reason] = []
    if not may_consider(reference, protocol):
        doubts.append(GainTooSmall(reference.mean_gain, protocol.least_gain))
    if not each_day_shows_it(track, protocol):
        doubts.append(LastDaysBetter(track.share, track.share_before, protocol.consider_each_day))
    if not has_recent_days(track, today, recent_days, protocol):
        within = look_back_days(protocol.consider_within_days, recent_days, protocol)
        have = sum(today - day < within for day in track.days)
        doubts.append(TooFewRecentDays(have, protocol.consider_least_days, within))
    return tuple(doubts)


def _watching(track: Ewma, protocol: Protocol) -> Reason:
    """Watch reached, or once reached and not yet steady again."""
    if gain_loss_watches(track, protocol):
        return WatchReached(track.smoothed, protocol.watch_at)
    return StillWatching(track.smoothed, protocol.steady_below, protocol.steady_days)
