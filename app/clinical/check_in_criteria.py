"""Criteria A, C and D: what check-ins say, each rule with the reasons it gives."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from app.clinical.domains import MOOD, NAMES
from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.protocol import Protocol
from app.clinical.reasons import Criterion, CriterionName, Level, Reason, ReasonCode
from app.clinical.reference import NoReference, Reference
from app.clinical.state.loss import Loss
from app.clinical.thresholds import (
    consider_threshold,
    domain_watch_threshold,
    each_day_shows_it,
    gain_is_worth_losing,
    has_recent_days,
    look_back_days,
    mood_considers,
)

SCALE_TO_ASK: Final = "phq-9"


def gain_lost_missing(missing: NoReference) -> Criterion:
    """Criterion A without a reference: it says nothing, and why."""
    reason = Reason(
        ReasonCode.REFERENCE_MISSING,
        (
            ("because", missing.because.value),
            ("n_days", missing.n_days),
            ("days_needed", missing.days_needed),
            ("until", missing.until),
        ),
    )
    return Criterion(CriterionName.GAIN_LOST, Level.NO_REFERENCE, (reason,))


def gain_lost(
    track: Ewma | None, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> Criterion:
    """Criterion A: consider from 0.55 of the gain lost when recent days confirm it, watch from 0.35.

    Watch falls only to steady. Consider speaks about now: it needs its recent days at this moment.
    """
    if track is None:
        return Criterion(CriterionName.GAIN_LOST, Level.NO_REFERENCE, (_no_gain(reference),))
    since = None if track.watching_since is None else date.fromordinal(track.watching_since)
    threshold = consider_threshold(reference, protocol)
    if track.smoothed >= threshold - ROUNDING:
        doubts = _doubts(track, reference, today, recent_days, protocol)
        level = Level.WATCH if doubts else Level.CONSIDER_BOOSTER
        code = ReasonCode.WATCH_REACHED if doubts else ReasonCode.LOST_ENOUGH
        reached = protocol.watch_at if doubts else threshold
        found = Reason(code, (("smoothed", track.smoothed), ("threshold", reached)))
        return Criterion(CriterionName.GAIN_LOST, level, (found, *doubts), since)
    if track.watching_since is None:
        facts = (("smoothed", track.smoothed), ("threshold", protocol.watch_at))
        return Criterion(CriterionName.GAIN_LOST, Level.STEADY, (Reason(ReasonCode.BELOW_WATCH, facts),))
    return Criterion(CriterionName.GAIN_LOST, Level.WATCH, (_watching(track, protocol),), since)


def one_domain(
    loss: Loss, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[Criterion, ...]:
    """Criterion C: mood alone at 0.75 says consider; mood at 0.5, energy or sleep at 0.8, says watch.

    One criterion for each domain that says watch or more; most days there are none.
    """
    if not gain_is_worth_losing(reference, protocol):
        return ()
    return tuple(
        _domain_criterion(
            track, date.fromordinal(track.watching_since), index, reference, today, recent_days, protocol
        )
        for index, track in enumerate(loss.domains)
        if track is not None and track.watching_since is not None
    )


def patient_asks(asked_on: int, today: int, protocol: Protocol) -> Criterion | None:
    """Criterion D: the patient asked to talk about a booster, and it is told as that. For 14 days."""
    if today - asked_on >= protocol.asked_lasts_days:
        return None
    on = date.fromordinal(asked_on)
    return Criterion(CriterionName.PATIENT_ASKS, Level.WATCH, (Reason(ReasonCode.ASKED, (("on", on),)),), on)


def _doubts(
    track: Ewma, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[Reason, ...]:
    """Why a smoothed share that is high enough is not yet "consider"; empty when nothing is missing."""
    doubts: list[Reason] = []
    if not gain_is_worth_losing(reference, protocol):
        facts = (("mean_gain", reference.mean_gain), ("least", protocol.least_gain))
        doubts.append(Reason(ReasonCode.GAIN_TOO_SMALL, facts))
    if not each_day_shows_it(track, protocol):
        doubts.append(
            Reason(
                ReasonCode.LAST_DAYS_BETTER,
                (
                    ("last_day", track.share),
                    ("day_before", track.share_before),
                    ("each_day", protocol.consider_each_day),
                ),
            )
        )
    if not has_recent_days(track, today, recent_days, protocol):
        within = look_back_days(protocol.consider_within_days, recent_days, protocol)
        have = sum(today - day < within for day in track.days)
        doubts.append(
            Reason(
                ReasonCode.TOO_FEW_RECENT_DAYS,
                (("have", have), ("needed", protocol.consider_least_days), ("within_days", within)),
            )
        )
    return tuple(doubts)


def _watching(track: Ewma, protocol: Protocol) -> Reason:
    """Watch reached, or once reached and not yet steady again."""
    if track.smoothed >= protocol.watch_at - ROUNDING:
        facts = (("smoothed", track.smoothed), ("threshold", protocol.watch_at))
        return Reason(ReasonCode.WATCH_REACHED, facts)
    return Reason(
        ReasonCode.STILL_WATCHING,
        (("smoothed", track.smoothed), ("threshold", protocol.steady_below), ("days", protocol.steady_days)),
    )


def _no_gain(reference: Reference) -> Reason:
    return Reason(ReasonCode.NO_GAIN, (("mean_gain", reference.mean_gain),))


def _domain_criterion(
    track: Ewma,
    since: date,
    index: int,
    reference: Reference,
    today: int,
    recent_days: Sequence[int],
    protocol: Protocol,
) -> Criterion:
    domain = NAMES[index]
    watch_at = domain_watch_threshold(index, protocol)
    level, code, threshold = Level.WATCH, ReasonCode.DOMAIN_STILL_WATCHING, protocol.steady_below
    if index == MOOD and mood_considers(track, reference, today, recent_days, protocol):
        level, code = Level.CONSIDER_BOOSTER, ReasonCode.DOMAIN_LOST_ENOUGH
        threshold = protocol.mood_consider_at
    elif track.smoothed >= watch_at - ROUNDING:
        code, threshold = ReasonCode.DOMAIN_WATCH_REACHED, watch_at
    facts = (("domain", domain), ("smoothed", track.smoothed), ("threshold", threshold))
    ask = Reason(ReasonCode.ASK_SCALE, (("scale", SCALE_TO_ASK),))
    return Criterion(CriterionName.ONE_DOMAIN, level, (Reason(code, facts), ask), since, domain)
