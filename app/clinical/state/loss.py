"""What has been lost since the last infusion: one bounded state, one step a check-in day."""

from collections.abc import Sequence
from typing import NamedTuple

from app.clinical.domains import MOOD, NOTHING, PerDomain
from app.clinical.ewma import (
    ROUNDING,
    Ewma,
    days_kept,
    initial,
    rate_of,
    share_lost,
    smoothed_by,
    weighted_share,
)
from app.clinical.protocol import Protocol
from app.clinical.reference import Reference
from app.clinical.thresholds import domain_watches, gain_loss_considers, mood_considers


class Loss(NamedTuple):
    """The stretch since the last infusion, as far as check-ins tell.

    Attributes:
        weighted: the weighted share; None when no domain has gained anything.
        domains: each domain's own; None where the domain is off. A domain without a gain stays at 0.
        reports: the mean of the last day on which the domain was answered, in points.
        levels: each domain's smoothed report in points, unclipped, from the reference on.
        considered_on: the day on which it first was at consider, since it was last steady.
        considered_by_mood: whether only mood alone (criterion C) said so then.
        steady_on: the last day on which it was steady: S below 0.25 on two check-in days, no domain up.
    """

    weighted: Ewma | None
    domains: PerDomain[Ewma | None]
    reports: PerDomain[float | None]
    levels: PerDomain[float | None]
    considered_on: int | None
    considered_by_mood: bool
    steady_on: int | None


def loss_from(
    reference: Reference, *, day: int, days: PerDomain[tuple[int, ...]], protocol: Protocol
) -> Loss:
    """Nothing lost: S = 0 and each level at the reference, on the given day.

    `days` are the check-in days of each domain that already count, in the first stretch those of the
    window; after a booster there are none.
    """
    every = tuple(sorted({one for own in days for one in own}))
    return Loss(
        weighted=initial(day, every[-days_kept(protocol) :]) if any(reference.weights) else None,
        domains=PerDomain(
            *(
                None if value is None else initial(day, own[-days_kept(protocol) :])
                for value, own in zip(reference.values, days, strict=True)
            )
        ),
        reports=NOTHING,
        levels=reference.values,
        considered_on=None,
        considered_by_mood=False,
        steady_on=None,
    )


def loss_after(
    loss: Loss,
    reference: Reference,
    *,
    day: int,
    values: PerDomain[float | None],
    recent_days: Sequence[int],
    decides: bool,
    protocol: Protocol,
) -> Loss:
    """The loss one check-in day later.

    Args:
        loss: as of the check-in day before.
        reference: what it is measured against.
        day: the check-in day's number.
        values: its mean reports so far.
        recent_days: the patient's latest check-in days, for the median gap.
        decides: whether this day may count as a crossing (not while induction is running).
        protocol: the numbers.
    """
    shares: list[float | None] = [None, None, None]
    domains = list(loss.domains)
    levels = list(loss.levels)
    reports = list(loss.reports)
    kept, last_day, rate = days_kept(protocol), day, 0.0
    for index, report in enumerate(values):
        track = loss.domains[index]
        level = loss.levels[index]
        origin = reference.values[index]
        gain = reference.gains[index]
        if report is None or track is None or level is None or origin is None or gain is None:
            continue
        share = share_lost(report, reference=origin, gain=gain, protocol=protocol) if gain > 0 else 0.0
        shares[index] = share
        if track.day != last_day:
            last_day, rate = track.day, rate_of(day - track.day, protocol)
        moved = smoothed_by(track, share, day, rate, kept, protocol)
        domains[index] = _domain_settled(moved, index, reference, recent_days, protocol)
        levels[index] = level + rate * (report - level)
        reports[index] = report
    weighted = _weighted_after(loss.weighted, weighted_share(shares, reference.weights), day, kept, protocol)
    after = PerDomain(*domains)
    steady = _is_steady(weighted, after, protocol)
    considered_on, by_mood = loss.considered_on, loss.considered_by_mood
    if steady:
        considered_on, by_mood = None, False
    elif considered_on is None and decides:
        considered_on, by_mood = _crossing(weighted, after, reference, day, recent_days, protocol)
    return Loss(
        weighted,
        after,
        PerDomain(*reports),
        PerDomain(*levels),
        considered_on,
        by_mood,
        day if steady else loss.steady_on,
    )


def _weighted_after(
    track: Ewma | None, share: float | None, day: int, kept: int, protocol: Protocol
) -> Ewma | None:
    """The weighted track with its watch, from 0.35 on; it falls only to steady."""
    if track is None or share is None:
        return track
    moved = smoothed_by(track, share, day, rate_of(day - track.day, protocol), kept, protocol)
    if moved.watching_since is None:
        return _watching(moved) if moved.smoothed >= protocol.watch_at - ROUNDING else moved
    return _steady_again(moved, protocol)


def _domain_settled(
    moved: Ewma, index: int, reference: Reference, recent_days: Sequence[int], protocol: Protocol
) -> Ewma:
    """One domain's track with its own watch; it falls only to steady."""
    if moved.watching_since is None:
        watches = domain_watches(moved, index, reference, moved.day, recent_days, protocol)
        return _watching(moved) if watches else moved
    return _steady_again(moved, protocol)


def _watching(moved: Ewma) -> Ewma:
    return moved._replace(watching_since=moved.day)


def _steady_again(moved: Ewma, protocol: Protocol) -> Ewma:
    """Below 0.25 on two consecutive check-in days, and not before."""
    return moved._replace(watching_since=None) if moved.low_days >= protocol.steady_days else moved


def _is_steady(weighted: Ewma | None, domains: PerDomain[Ewma | None], protocol: Protocol) -> bool:
    if weighted is None or weighted.low_days < protocol.steady_days:
        return False
    mood, energy, sleep = domains
    return (
        (mood is None or mood.watching_since is None)
        and (energy is None or energy.watching_since is None)
        and (sleep is None or sleep.watching_since is None)
    )


def _crossing(
    weighted: Ewma | None,
    domains: PerDomain[Ewma | None],
    reference: Reference,
    day: int,
    recent_days: Sequence[int],
    protocol: Protocol,
) -> tuple[int | None, bool]:
    """The day, if this day is at consider, and whether criterion C alone says so."""
    if weighted and gain_loss_considers(weighted, reference, day, recent_days, protocol):
        return day, False
    mood = domains[MOOD]
    if mood and mood_considers(mood, reference, day, recent_days, protocol):
        return day, True
    return None, False
