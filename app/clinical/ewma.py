"""The share of the gain that has been lost: per domain, weighted, and smoothed over check-in days (EWMA).

Plain arithmetic, one step a check-in day and no history: what a step needs is in the `Ewma` before it.
Days are day numbers (`date.toordinal()`), so that a step costs a subtraction.
"""

from collections.abc import Sequence
from math import exp
from typing import Final, NamedTuple

from app.clinical.domains import PerDomain
from app.clinical.protocol import Protocol

ROUNDING: Final = 1e-9
"""Binary fractions: a share of exactly 0.35 must count as 0.35, whichever way it was added up."""


class Ewma(NamedTuple):
    """A smoothed share of the gain lost, as of the last check-in day that spoke about it.

    A named tuple, because four are made at every check-in and a frozen dataclass costs five times more.

    Attributes:
        day: that day's number, or the day on which the smoothing started.
        share: that day's own share, unsmoothed; None before the first since the infusion.
        share_before: the same of the check-in day before it, within this stretch.
        smoothed: S. `smoothed_before` is S of the day before, `rate` the weight λ that the day got.
        days: the latest check-in days, the last one last; in rule 1.0 those since the infusion.
        low_days: on how many consecutive check-in days S has been below "steady" (counted up to that
            many as steady needs).
        watching_since: the day on which it last rose to watch or more, None while it is steady.
        n_days: the check-in days since the infusion.
        run_from: the first day of the unbroken run of low days; None when the last day was not low.
        run_after: the check-in day before that run, since the infusion; None when there was none.
    """

    day: int
    share: float | None
    share_before: float | None
    smoothed: float
    smoothed_before: float
    rate: float
    days: tuple[int, ...]
    low_days: int
    watching_since: int | None
    n_days: int = 0
    run_from: int | None = None
    run_after: int | None = None


def initial(day: int, days: tuple[int, ...] = ()) -> Ewma:
    """S = 0: nothing has been lost on this day."""
    return Ewma(day, None, None, 0.0, 0.0, 0.0, days, 0, None)


def days_kept(protocol: Protocol) -> int:
    """How many check-in days a track keeps: as many as a rule may ask for."""
    return max(protocol.domain_least_days, protocol.consider_least_days)


def share_lost(report: float, *, reference: float, gain: float, protocol: Protocol) -> float:
    """(reference - report) / gain, clipped to -1 … 1.25. The gain must be above zero."""
    share = (reference - report) / gain
    if share < protocol.share_lowest:
        return protocol.share_lowest
    if share > protocol.share_highest:
        return protocol.share_highest
    return share


def weighted_share(shares: Sequence[float | None], weights: PerDomain[float]) -> float | None:
    """Σ vᵢ·shareᵢ with v normalised over the domains answered that day; None when none has weight."""
    total = weight_answered = 0.0
    for index, share in enumerate(shares):
        if share is not None:
            total += weights[index] * share
            weight_answered += weights[index]
    return total / weight_answered if weight_answered else None


def rate_of(elapsed_days: int, protocol: Protocol) -> float:
    """λ = 1 - exp(-Δdays / 4.5), at most 0.5; a day that lies before the last one moves nothing."""
    if elapsed_days <= 0:
        return 0.0
    return min(protocol.smoothing_most, 1.0 - exp(-elapsed_days / protocol.smoothing_days))


def smoothed_by(track: Ewma, share: float, day: int, rate: float, kept: int, protocol: Protocol) -> Ewma:
    """The track one check-in day later: S ← S + λ·(share - S). Whether it watches is not settled here.

    `kept` is how many check-in days the track keeps (`days_kept`).
    """
    smoothed = track.smoothed + rate * (share - track.smoothed)
    low_days = 0
    if smoothed < protocol.steady_below:
        low_days = track.low_days + 1 if track.low_days < protocol.steady_days else protocol.steady_days
    run_from, run_after = track.run_from, track.run_after
    if share < protocol.consider_each_day - ROUNDING:
        run_from = run_after = None
    elif run_from is None:
        run_from, run_after = day, track.day if track.n_days else None
    return Ewma(
        day,
        share,
        track.share,
        smoothed,
        track.smoothed,
        rate,
        (*track.days[1 - kept :], day),
        low_days,
        track.watching_since,
        track.n_days + 1,
        run_from,
        run_after,
    )
