"""What has been lost since the last infusion: one bounded state, one step a check-in day."""

from collections.abc import Sequence
from typing import NamedTuple

from app.clinical.boosters import after_booster
from app.clinical.criterion_a_gain import gain_loss_considers, gain_loss_watches, nothing_to_lose
from app.clinical.criterion_c_domain import domain_watches, mood_considers
from app.clinical.domains import MOOD, NOTHING, PerDomain
from app.clinical.ewma import Ewma, days_kept, initial, rate_of, share_lost, smoothed_by, weighted_share
from app.clinical.protocol import Protocol
from app.clinical.reference import Reference


class Loss(NamedTuple):
    """The stretch since the last infusion, as far as check-ins show.

    Attributes:
        weighted: the weighted share; None when nothing was gained.
        domains: each domain's own; None where the domain is off. A domain without a gain stays at 0.
        reports: the mean of the last day on which the domain was answered, in points.
        levels: each domain's smoothed report in points, unclipped, from the reference on (rule 1.0).
        considered_on: the day on which it first was at consider, since it was last steady.
        considered_by_mood: whether only mood alone (criterion C) said so then.
        steady_on: the last day on which it was steady: S below 0.25 on two check-in days, no domain up.
        crossed_on: the first day at consider since the infusion, whatever came after.
        crossed_run: the run of low days that led there: the day before it, and its first.
        burst: a low report has made check-ins daily, until two in a row are well.
    """

    weighted: Ewma | None
    domains: PerDomain[Ewma | None]
    reports: PerDomain[float | None]
    levels: PerDomain[float | None]
    considered_on: int | None
    considered_by_mood: bool
    steady_on: int | None
    crossed_on: int | None = None
    crossed_run: tuple[int | None, int] | None = None
    burst: bool = False


def loss_from(
    reference: Reference, *, day: int, days: PerDomain[tuple[int, ...]], protocol: Protocol
) -> Loss:
    """Nothing lost: S = 0 and each level at the reference, on the given day.

    `days` are the check-in days of each domain that already count, those of the reference window.
    """
    every = tuple(sorted({one for own in days for one in own}))
    off = nothing_to_lose(reference, protocol)
    kept = days_kept(protocol)
    return Loss(
        weighted=None if off else initial(day, every[-kept:])._replace(n_days=len(every)),
        domains=PerDomain(
            *(
                None
                if value is None or (off and protocol.generation > 1)
                else initial(day, own[-kept:])._replace(n_days=len(own))
                for value, own in zip(reference.values, days, strict=True)
            )
        ),
        reports=NOTHING,
        levels=reference.values,
        considered_on=None,
        considered_by_mood=False,
        steady_on=None,
    )


def loss_after_booster(loss: Loss, reference: Reference, day: int, protocol: Protocol) -> Loss:
    """The loss on the day of a booster; what it does to the smoothing is said in `boosters`."""
    answers = loss.considered_on is not None
    first_rule = protocol.generation == 1
    return Loss(
        weighted=loss.weighted and after_booster(loss.weighted, day, answers=answers, protocol=protocol),
        domains=PerDomain(
            *(one and after_booster(one, day, answers=answers, protocol=protocol) for one in loss.domains)
        ),
        reports=NOTHING if first_rule else loss.reports,
        levels=reference.values,
        considered_on=None,
        considered_by_mood=False,
        steady_on=None,
        burst=loss.burst and not answers,
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
        recent_days: the patient's latest check-in days, for the median gap (rule 1.0).
        decides: whether this day may count as a crossing (not while induction is running).
        protocol: the numbers.
    """
    shares = _shares(loss, reference, values, protocol)
    kept = days_kept(protocol)
    weighted = _weighted_after(loss.weighted, shares, reference, day, kept, protocol)
    if protocol.generation > 1 and weighted is not None:
        recent_days = weighted.days
    domains, levels, reports = list(loss.domains), list(loss.levels), list(loss.reports)
    last_day, rate = day, 0.0
    for index, report in enumerate(values):
        track, share, level = loss.domains[index], shares[index], loss.levels[index]
        if report is None:
            continue
        if track is None or share is None:
            reports[index] = report if protocol.generation > 1 else None
            continue
        if track.day != last_day:
            last_day, rate = track.day, rate_of(day - track.day, protocol)
        own = min(share, protocol.mood_highest) if index == MOOD else share
        moved = smoothed_by(track, own, day, rate, kept, protocol)
        domains[index] = _domain_settled(moved, index, reference, recent_days, protocol)
        if level is not None:
            levels[index] = level + rate * (report - level)
        reports[index] = report
    return _settled(
        loss,
        weighted,
        PerDomain(*domains),
        (PerDomain(*reports), PerDomain(*levels)),
        reference,
        day,
        recent_days,
        decides,
        protocol,
    )


def _shares(
    loss: Loss, reference: Reference, values: PerDomain[float | None], protocol: Protocol
) -> list[float | None]:
    """Each answered domain's own share of the day; a domain without a gain has lost nothing."""
    shares: list[float | None] = [None, None, None]
    origins, gains, tracks = reference.rule_values, reference.rule_gains, loss.domains
    for index, report in enumerate(values):
        origin, gain = origins[index], gains[index]
        if report is None or tracks[index] is None or origin is None or gain is None:
            continue
        shares[index] = (
            share_lost(report, reference=origin, gain=gain, protocol=protocol) if gain > 0 else 0.0
        )
    return shares


def _settled(
    before: Loss,
    weighted: Ewma | None,
    domains: PerDomain[Ewma | None],
    said: tuple[PerDomain[float | None], PerDomain[float | None]],
    reference: Reference,
    day: int,
    recent_days: Sequence[int],
    decides: bool,
    protocol: Protocol,
) -> Loss:
    """The day's loss with what it means: steady again, or consider reached. `said` are reports and levels."""
    steady = _is_steady(weighted, domains, protocol)
    # In rule 2.0 a booster answers a loss until S itself was steady, also when mood alone had said so.
    over = steady if protocol.generation == 1 else _is_low(weighted, protocol)
    considered_on, by_mood = before.considered_on, before.considered_by_mood
    crossed_on, crossed_run = before.crossed_on, before.crossed_run
    if over:
        considered_on, by_mood = None, False
    elif considered_on is None and decides:
        considered_on, by_mood = _crossing(weighted, domains, reference, day, recent_days, protocol)
        if considered_on is not None and crossed_on is None:
            crossed_on, crossed_run = considered_on, _run_of(domains[MOOD] if by_mood else weighted)
    return Loss(
        weighted,
        domains,
        *said,
        considered_on,
        by_mood,
        day if steady else before.steady_on,
        crossed_on,
        crossed_run,
        before.burst if protocol.generation == 1 else _bursts(before.burst, weighted, domains, protocol),
    )


def _run_of(track: Ewma | None) -> tuple[int | None, int] | None:
    return None if track is None or track.run_from is None else (track.run_after, track.run_from)


def _bursts(bursting: bool, track: Ewma | None, domains: PerDomain[Ewma | None], protocol: Protocol) -> bool:
    """One low report makes check-ins daily until two in a row are well, and nothing is being watched."""
    if track is None or track.share is None:
        return bursting
    watching = track.watching_since is not None or any(
        one is not None and one.watching_since is not None for one in domains
    )
    if watching or track.share >= protocol.burst_from:
        return True
    well = track.share < protocol.burst_below and (
        track.share_before is not None and track.share_before < protocol.burst_below
    )
    return bursting and not well


def _weighted_after(
    track: Ewma | None,
    shares: Sequence[float | None],
    reference: Reference,
    day: int,
    kept: int,
    protocol: Protocol,
) -> Ewma | None:
    """The weighted track with its watch, from 0.35 on; no day counts for more than 0.85 (rule 2.0)."""
    share = None if track is None else weighted_share(shares, reference.weights)
    if track is None or share is None:
        return track
    share = min(share, protocol.day_highest)
    moved = smoothed_by(track, share, day, rate_of(day - track.day, protocol), kept, protocol)
    if moved.watching_since is None:
        return _watching(moved) if gain_loss_watches(moved, protocol) else moved
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


def _is_low(weighted: Ewma | None, protocol: Protocol) -> bool:
    return weighted is not None and weighted.low_days >= protocol.steady_days


def _is_steady(weighted: Ewma | None, domains: PerDomain[Ewma | None], protocol: Protocol) -> bool:
    if not _is_low(weighted, protocol):
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
