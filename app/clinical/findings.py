"""Findings: for review by a clinician, never a booster question. One rule each, in the order in which they are said.

1. Worse than before treatment. 2. Elevated mood. 3. Silent after two low days. 4. Check-ins and a validated scale
disagree. 5. Boosters do not hold. 6. Below the best: a line on the page, no event and no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from app.clinical.answering import Answering, fell, unanswered_in_a_row
from app.clinical.boosters import Boosters, Stretch, crossed_soon, held_since
from app.clinical.criterion_a_gain import has_recent_days
from app.clinical.criterion_b_scale import TotalsSoFar
from app.clinical.domains import DOMAINS, MOOD, Domain, PerDomain
from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.known_now import reached_within
from app.clinical.levels import FindingCode
from app.clinical.protocol import Protocol
from app.clinical.reference import Baseline, Reference, spread_before
from app.clinical.scales import AssessmentTotal, with_remission_of
from app.clinical.signs import Signs, SmoothedLevel, is_worse, mood_mean
from app.clinical.state.loss import Loss


@dataclass(frozen=True, slots=True)
class WorseThanBefore:
    """A domain whose smoothed reports lie below what they were before treatment, all in points."""

    domain: Domain
    smoothed_level: float
    baseline: float
    spread: float
    reports: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ElevatedDay:
    """A day of elevated mood: points from 0 to 10, and hours of sleep where they were reported."""

    on: date
    mood: float
    energy: float
    sleep_hours: float | None


@dataclass(frozen=True, slots=True)
class SilentAfterLow:
    """The two low days, and how many asked days have gone unanswered since."""

    low_days: tuple[date, ...]
    unanswered: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A total that says otherwise than check-ins do.

    Attributes:
        waits_until: the day until which a signal waits for a repeat; None when none waits.
        quiet_until: the day until which no signal is raised after a repeat in remission.
    """

    scale: str
    total: float
    on: date
    waits_until: date | None = None
    quiet_until: date | None = None


@dataclass(frozen=True, slots=True)
class NotHolding:
    """How long boosters held, as (at least, at most) days; at most is None where the loss was not seen.

    `every_days` is the usual distance between them.
    """

    held: tuple[tuple[int, int | None], ...]
    every_days: int | None
    last_booster_on: date


@dataclass(frozen=True, slots=True)
class BelowBest:
    """The mean of mood over the last 14 days, the best such mean since induction, and how far below it is."""

    mean: float
    best: float
    below: float
    best_on: date


Numbers = (
    tuple[WorseThanBefore, ...]
    | tuple[ElevatedDay, ...]
    | SilentAfterLow
    | Disagreement
    | NotHolding
    | BelowBest
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something for review by a clinician.

    Attributes:
        since: the day on which it was first seen.
        last_on: the latest day that showed it.
        ended: the day on which it was over; None while it stands.
        numbers: what it was seen from.
    """

    code: FindingCode
    since: date
    last_on: date
    numbers: Numbers
    ended: date | None = None


def worse_than_before(
    signs: Signs, reference: Reference | None, baseline: Baseline | None, today: int, protocol: Protocol
) -> Finding | None:
    """Smoothed reports at least 1.5 points below the measured baseline and beyond the own spread.

    1.5 SD for mood, 2 for energy and sleep; 3 check-in days in 10. It needs a baseline, but no reference, no gain
    and no signal; boosters do not restart it. It ends when staff close it, or back above on 5 check-in days.
    """
    if baseline is None:
        return None
    spread = reference.spread if reference else spread_before(baseline, protocol)
    found = [
        (index, one)
        for index, one in enumerate(signs.levels)
        if one is not None
        and one.worse_since is not None
        and _stands(one, index, baseline, spread, today, protocol)
    ]
    if not found:
        return None
    worse = tuple(
        WorseThanBefore(
            DOMAINS[index], one.level, baseline.values[index] or 0.0, spread[index], _reports(signs, index)
        )
        for index, one in found
    )
    return Finding(
        code=FindingCode.WORSE_THAN_BEFORE,
        since=_day(min(one.worse_since or today for _, one in found)),
        last_on=_day(max(one.day for _, one in found)),
        numbers=worse,
    )


def elevated_mood(signs: Signs, today: int, protocol: Protocol) -> Finding | None:
    """Elevated mood and energy with little sleep on 3 check-in days in a row within 7 days.

    DSM-5 asks for four days of hypomania with less need for sleep. It ends when staff close it, or after 7 days
    without such a day.
    """
    if signs.elevated_since is None or signs.elevated_on is None:
        return None
    if today - signs.elevated_on >= protocol.elevated_ends_days:
        return None
    first = signs.elevated_on - protocol.elevated_within_days
    days = tuple(
        ElevatedDay(_day(one.day), one.values.mood, one.values.energy, one.sleep_hours)
        for one in signs.recent
        if first < one.day <= signs.elevated_on
        and one.values.mood is not None
        and one.values.energy is not None
        and min(one.values.mood, one.values.energy) >= protocol.elevated_report
    )
    return Finding(
        code=FindingCode.ELEVATED_MOOD,
        since=_day(signs.elevated_since),
        last_on=_day(signs.elevated_on),
        numbers=days,
    )


def silent_after_low(
    track: Ewma | None, answering: Answering | None, today: int, protocol: Protocol
) -> Finding | None:
    """The last two reports were low, then 4 asked days went unanswered; not while answering fell anyway."""
    if track is None or answering is None or track.share is None or track.share_before is None:
        return None
    bound = protocol.consider_each_day - ROUNDING
    if min(track.share, track.share_before) < bound:
        return None
    unanswered = unanswered_in_a_row(answering)
    if unanswered < protocol.silent_asked_days or fell_before_silence(answering, unanswered, protocol):
        return None
    low = tuple(_day(day) for day in track.days[-2:])
    since = min(today, track.days[-1] + protocol.silent_asked_days)
    return Finding(
        code=FindingCode.SILENT_AFTER_LOW,
        since=_day(since),
        last_on=_day(today),
        numbers=SilentAfterLow(low, unanswered),
    )


def fell_before_silence(answering: Answering, silent: int, protocol: Protocol) -> bool:
    """Whether answering had fallen already before this silence."""
    earlier = Answering(answering.day - silent, answering.asked >> silent, answering.answered >> silent)
    return fell(earlier, protocol) is not None


def scale_disagrees(
    totals: Sequence[TotalsSoFar],
    track: Ewma | None,
    signs: Signs,
    considered_on: int | None,
    confirmed: bool,
    today: int,
    protocol: Protocol,
) -> Finding | None:
    """Check-ins say consider while a recent total says well; or a total is confirmed while check-ins are steady.

    Well: in remission, or less than a quarter of its own gain lost; taken in the last 14 days, on or after the day
    on which the loss reached watch. The signal then waits for a repeat, at most 7 days or until the scale is next
    due; after a repeat in remission no signal is raised for 28 days.
    """
    if confirmed:
        return _confirmed_while_steady(totals, signs, today, protocol)
    if track is None or considered_on is None:
        return None
    for one in totals:
        last = one.last
        if last is None or not _says_well(one, last, protocol):
            continue
        on = last.day.toordinal()
        # A total that repeats the first speaks for as long as it quiets the signal.
        speaks = protocol.disagree_quiet_days if on > considered_on else protocol.disagree_days
        if today - on > speaks or (track.watching_since or considered_on) > on:
            continue
        return _waiting(one, last, considered_on, track, signs, protocol)
    return None


def boosters_not_holding(
    boosters: Boosters, current: Stretch | None, *, steady: bool, today: int, protocol: Protocol
) -> Finding | None:
    """Consider was reached within 14 days of a booster: one open finding instead of a signal a week.

    It ends when staff close it, after two stretches in a row that held, or when the patient is steady and has had
    no booster for 28 days.
    """
    since, last_on = boosters.not_holding_since, boosters.not_holding_on
    if current is None:
        return None
    if crossed_soon(current, protocol):
        since, last_on = since or current.crossed_on, current.crossed_on
    elif steady and today - current.from_day >= protocol.not_holding_ends_days:
        return None
    if since is None or last_on is None:
        return None
    every = held_since((*boosters.stretches, current), since)
    starts = [one.from_day for one in (*boosters.stretches, current) if one.by_booster]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    return Finding(
        code=FindingCode.BOOSTERS_NOT_HOLDING,
        since=_day(since),
        last_on=_day(last_on),
        numbers=NotHolding(
            tuple(
                (one.held_days, one.held_to) for one in every if one.held_to is not None or one is not current
            ),
            round(median(gaps)) if gaps else None,
            _day(current.from_day),
        ),
    )


def below_best(
    signs: Signs, track: Ewma | None, baseline: Baseline | None, today: int, protocol: Protocol
) -> Finding | None:
    """Not low enough to watch, but 2 points and half of what was reached below the best two weeks of mood."""
    if track is None or track.smoothed >= protocol.watch_at or signs.best_mood is None:
        return None
    mean, (best, best_on) = mood_mean(signs.recent, today, protocol), signs.best_mood
    before = baseline.values[MOOD] if baseline else None
    if mean is None or before is None:
        return None
    least = max(protocol.below_best_points, protocol.below_best_share * (best - before))
    if best - mean < least - ROUNDING:
        return None
    return Finding(
        code=FindingCode.BELOW_BEST,
        since=_day(today),
        last_on=_day(today),
        numbers=BelowBest(mean, best, best - mean, _day(best_on)),
    )


def _stands(
    one: SmoothedLevel,
    index: int,
    baseline: Baseline,
    spread: PerDomain[float],
    today: int,
    protocol: Protocol,
) -> bool:
    """It speaks about now: recent enough, or not yet back above on enough days."""
    within = protocol.worse_within_days
    if not reached_within(one.days, protocol.worse_least_days, today=today, within=within):
        return is_worse(one.level, baseline.values[index], index, spread, protocol) and (
            today - one.day < protocol.worse_within_days
        )
    return True


def _reports(signs: Signs, index: int) -> tuple[float, ...]:
    """The latest three answers of one domain, in points."""
    answered = [one.values[index] for one in signs.recent]
    return tuple(one for one in answered if one is not None)[-3:]


def _says_well(totals: TotalsSoFar, total: AssessmentTotal, protocol: Protocol) -> bool:
    scale = totals.scale
    if with_remission_of(scale, protocol).in_remission(total.total):
        return True
    if totals.reference is None or totals.baseline is None:
        return False
    well, ill = scale.severity(totals.reference.total), scale.severity(totals.baseline.total)
    gained = ill - well
    return gained > 0 and (scale.severity(total.total) - well) / gained < protocol.disagree_least_share


def _waiting(
    totals: TotalsSoFar,
    last: AssessmentTotal,
    considered_on: int,
    track: Ewma,
    signs: Signs,
    protocol: Protocol,
) -> Finding:
    """A first total makes the signal wait; one that repeats it, after consider was reached, quiets it."""
    considered = _day(considered_on)
    due = max(totals.scale.recall_days or 0, protocol.disagree_waits_days)
    waits, quiet = max(considered, last.day) + timedelta(days=due), None
    repeated = last.day > considered and with_remission_of(totals.scale, protocol).in_remission(last.total)
    if repeated:
        then = next((one.smoothed for one in signs.recent if one.day >= last.day.toordinal()), None)
        risen = then is not None and track.smoothed >= then + protocol.disagree_rise
        quiet = None if risen else last.day + timedelta(days=protocol.disagree_quiet_days)
    return Finding(
        code=FindingCode.CHECK_INS_AND_SCALE_DISAGREE,
        since=max(considered, last.day) if not repeated else considered,
        last_on=last.day,
        numbers=Disagreement(
            totals.scale.key, last.total, last.day, waits_until=None if repeated else waits, quiet_until=quiet
        ),
    )


def _confirmed_while_steady(
    totals: Sequence[TotalsSoFar], signs: Signs, today: int, protocol: Protocol
) -> Finding | None:
    steady = [
        one.day
        for one in signs.recent
        if today - one.day < protocol.disagree_days
        and one.smoothed is not None
        and one.smoothed < protocol.steady_below
    ]
    latest = [(one.scale.key, one.latest) for one in totals if one.crossings and one.latest is not None]
    if len(steady) < protocol.disagree_steady_days or not latest:
        return None
    key, total = latest[-1]
    return Finding(
        code=FindingCode.CHECK_INS_AND_SCALE_DISAGREE,
        since=total.day,
        last_on=total.day,
        numbers=Disagreement(key, total.total, total.day),
    )


def _day(number: int) -> date:
    return date.fromordinal(number)


def worse_by_rule_1(
    loss: Loss, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[WorseThanBefore, ...]:
    """As rule 1.0 saw it: domains whose smoothed level is at least 1.5 points and 2 SD below the measured baseline.

    Smoothed like the shares but unclipped, starting from the reference. It speaks about now: the domain
    needs as many recent check-in days as "consider" does. An assumed baseline can show nothing.
    """
    found: list[WorseThanBefore] = []
    for index, level in enumerate(loss.levels):
        before, track = reference.baseline.values[index], loss.domains[index]
        if (
            level is None
            or before is None
            or track is None
            or before - level < protocol.worse_points - ROUNDING
        ):
            continue
        spread = reference.spread[index]
        beyond = before - level >= protocol.worse_sds * spread - ROUNDING
        if beyond and has_recent_days(track, today, recent_days, protocol):
            found.append(WorseThanBefore(DOMAINS[index], level, before, spread))
    return tuple(found)
