"""One check-in's step of the rule, bare: the same arithmetic in frozen dataclasses, without our structure.

It is the measure of what our structure costs, so it is written to be quick and is no part of the product:
four smoothed shares lie side by side in tuples (mood, energy, sleep, and the weighted one last), nothing is
named for a reader, nothing is explained or kept for display, and it starts where the reference is already
fixed. It gives the same level, shares and reasons; `core_step` compares them.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import exp, floor, inf
from zoneinfo import ZoneInfo

from app.clinical.check_ins import CheckIn
from app.clinical.protocol import Protocol

ROUNDING = 1e-9
NO_REFERENCE, STEADY, WATCH, CONSIDER = 0, 2, 3, 4
WEIGHTED = 3

Numbers = tuple[float, ...]
Maybe = tuple[float | None, ...]
Days = tuple[int, ...]
Reason = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class BareTotals:
    """One scale's totals: the latest, the line, and the run at or beyond it."""

    scale: str
    missing: str | None
    awaited_until: int | None
    line: float | None
    latest: float | None
    on: int | None
    count: int
    first_on: int | None
    days_apart: int
    has_baseline: bool


@dataclass(frozen=True, slots=True)
class BarePatient:
    """What does not change from one check-in to the next. A domain that is off has no value and no gain."""

    values: Maybe
    gains: Maybe
    weights: Numbers
    spread: Numbers
    before: Maybe
    mean_gain: float
    threshold: float
    infused_at: float
    induction_over: int
    course_closed: int | None
    totals: tuple[BareTotals, ...]


@dataclass(frozen=True, slots=True)
class BareLoss:
    """The four smoothed shares and the three smoothed levels through one day."""

    last: Days
    days: tuple[Days, ...]
    shares: Maybe
    shares_before: Maybe
    smoothed: Maybe
    smoothed_before: Maybe
    rates: Numbers
    low_days: Days
    since: tuple[int | None, ...]
    levels: Maybe
    considered_on: int | None
    steady_on: int | None


@dataclass(frozen=True, slots=True)
class BareState:
    """What changes."""

    before: BareLoss
    now: BareLoss
    today: int | None
    sums: Numbers
    counts: Days
    recent: Days
    last: tuple[int, float, str]
    asked_on: int | None


@dataclass(frozen=True, slots=True)
class BareAnswer:
    """The answer in plain values; days are day numbers, shares and levels are those of the state."""

    day: int
    level: int
    reasons: tuple[Reason, ...]
    suppressed_by: tuple[Reason, ...]
    worse: Days
    unsteady_since: int | None
    changed_by: Reason | None


def bare_step(
    patient: BarePatient, state: BareState, check_in: CheckIn, protocol: Protocol
) -> tuple[BareState, BareAnswer]:
    """State in, state and answer out."""
    local = check_in.recorded_at.astimezone(ZoneInfo(check_in.time_zone))
    day = local.toordinal() if local.hour >= 4 else local.toordinal() - 1
    at = check_in.recorded_at.timestamp()
    last = (day, at, check_in.id)
    if at < patient.infused_at or last <= state.last:
        raise ValueError(check_in.id)
    mood, energy, sleep = check_in.mood, check_in.energy, check_in.sleep_quality
    recent, before, now = state.recent, state.before, state.now
    today, sums, counts = state.today, state.sums, state.counts
    if mood is not None or energy is not None or sleep is not None:
        if not recent or day > recent[-1]:
            recent = (*recent[1 - protocol.recent_days_kept :], day)
        if at - patient.infused_at >= protocol.acute_hours * 3600:
            if day != today:
                today, before, sums, counts = day, now, (0.0, 0.0, 0.0), (0, 0, 0)
            (a, b, c), (i, j, k) = sums, counts
            if mood is not None:
                a, i = a + mood, i + 1
            if energy is not None:
                b, j = b + energy, j + 1
            if sleep is not None:
                c, k = c + sleep, k + 1
            sums, counts = (a, b, c), (i, j, k)
            means = (a / i if i else None, b / j if j else None, c / k if k else None)
            now = _loss(patient, before, day, means, recent, protocol)
    asked_on = day if check_in.asks_about_booster else state.asked_on
    after = BareState(before, now, today, sums, counts, recent, last, asked_on)
    return after, _answer(patient, after, day, at, protocol)


def _loss(  # noqa: C901, PLR0912 -- a call for each part would be structure, which is what is measured
    patient: BarePatient, loss: BareLoss, day: int, means: Maybe, recent: Days, protocol: Protocol
) -> BareLoss:
    last, days, shares, before = list(loss.last), list(loss.days), list(loss.shares), list(loss.shares_before)
    earlier, rates = list(loss.smoothed_before), list(loss.rates)
    smoothed, low, since, levels = (
        list(loss.smoothed),
        list(loss.low_days),
        list(loss.since),
        list(loss.levels),
    )
    kept = 1 - max(protocol.domain_least_days, protocol.consider_least_days)
    total = answered = 0.0
    for index in range(4):
        old = smoothed[index]
        if old is None:
            continue
        if index < WEIGHTED:
            report, value, gain = means[index], patient.values[index], patient.gains[index]
            if report is None or value is None or gain is None:
                continue
            share = 0.0
            if gain > 0:
                share = min(protocol.share_highest, max(protocol.share_lowest, (value - report) / gain))
            total += patient.weights[index] * share
            answered += patient.weights[index]
        elif answered:
            report, share = None, total / answered
        else:
            continue
        elapsed = day - last[index]
        rate = 0.0
        if elapsed > 0:
            rate = min(protocol.smoothing_most, 1.0 - exp(-elapsed / protocol.smoothing_days))
        new = old + rate * (share - old)
        last[index], before[index], shares[index], smoothed[index] = day, shares[index], share, new
        earlier[index], rates[index] = old, rate
        days[index] = (*days[index][kept:], day)
        low[index] = min(low[index] + 1, protocol.steady_days) if new < protocol.steady_below else 0
        if since[index] is not None:
            if low[index] >= protocol.steady_days:
                since[index] = None
        elif new >= _watch_at(index, protocol) - ROUNDING and (
            index == WEIGHTED or _may_speak(patient, index, days[index], day, recent, protocol)
        ):
            since[index] = day
        if report is not None:
            level = levels[index]
            assert level is not None
            levels[index] = level + rate * (report - level)
    considered_on, steady_on = loss.considered_on, loss.steady_on
    if low[3] >= protocol.steady_days and since[0] is None and since[1] is None and since[2] is None:
        considered_on, steady_on = None, day
    elif (
        considered_on is None
        and day >= patient.induction_over
        and (
            _considers(patient, smoothed[3], shares[3], before[3], days[3], day, recent, protocol)
            or _mood_considers(patient, smoothed[0], days[0], day, recent, protocol)
        )
    ):
        considered_on = day
    return BareLoss(
        tuple(last),
        tuple(days),
        tuple(shares),
        tuple(before),
        tuple(smoothed),
        tuple(earlier),
        tuple(rates),
        tuple(low),
        tuple(since),
        tuple(levels),
        considered_on,
        steady_on,
    )


def _watch_at(index: int, protocol: Protocol) -> float:
    if index == WEIGHTED:
        return protocol.watch_at
    return protocol.other_watch_at if index else protocol.mood_watch_at


def _longer(recent: Days, protocol: Protocol) -> float:
    latest = recent[-protocol.gaps_counted - 1 :]
    gaps = sorted(later - earlier for earlier, later in pairwise(latest))
    if not gaps:
        return 0.0
    half = len(gaps) // 2
    return protocol.median_gaps * (gaps[half] if len(gaps) % 2 else (gaps[half - 1] + gaps[half]) / 2)


def _is_recent(days: Days, day: int, recent: Days, protocol: Protocol) -> bool:
    least = protocol.consider_least_days
    if len(days) < least:
        return False
    age = day - days[-least]
    return age < protocol.consider_within_days or age < _longer(recent, protocol)


def _may_speak(
    patient: BarePatient, index: int, days: Days, day: int, recent: Days, protocol: Protocol
) -> bool:
    gain = patient.gains[index]
    if (
        gain is None
        or gain < protocol.domain_least_gain - ROUNDING
        or patient.mean_gain < protocol.least_gain - ROUNDING
    ):
        return False
    least, within = protocol.domain_least_days, protocol.domain_within_days
    if len(days) >= least and day - days[-least] < within:
        return True
    sparse, longer = protocol.domain_least_days_sparse, _longer(recent, protocol)
    return longer >= within and len(days) >= sparse and day - days[-sparse] < longer


def _considers(
    patient: BarePatient,
    smoothed: float | None,
    share: float | None,
    before: float | None,
    days: Days,
    day: int,
    recent: Days,
    protocol: Protocol,
) -> bool:
    bound = protocol.consider_each_day - ROUNDING
    return (
        smoothed is not None
        and smoothed >= patient.threshold - ROUNDING
        and share is not None
        and share >= bound
        and before is not None
        and before >= bound
        and patient.mean_gain >= protocol.least_gain - ROUNDING
        and _is_recent(days, day, recent, protocol)
    )


def _mood_considers(
    patient: BarePatient, smoothed: float | None, days: Days, day: int, recent: Days, protocol: Protocol
) -> bool:
    return (
        smoothed is not None
        and smoothed >= protocol.mood_consider_at - ROUNDING
        and _may_speak(patient, 0, days, day, recent, protocol)
    )


def _answer(  # noqa: C901 -- as above
    patient: BarePatient, state: BareState, day: int, at: float, protocol: Protocol
) -> BareAnswer:
    reasons: list[Reason] = []
    now, since = state.now, None
    level = _gain_lost(patient, now, day, state.recent, protocol, reasons)
    gain_lost, mood_alone, relapsed = level == CONSIDER, False, False
    if level >= WATCH:
        since = now.since[3] or day
    if patient.mean_gain >= protocol.least_gain - ROUNDING:
        for index in range(3):
            left = now.since[index]
            if left is not None:
                one = _one_domain(patient, index, now, day, state.recent, protocol, reasons)
                level, mood_alone = max(level, one), mood_alone or one == CONSIDER
                since = left if since is None else min(since, left)
    for totals in patient.totals:
        one = _scale_relapse(totals, day, protocol, reasons)
        level, relapsed = max(level, one), relapsed or one == CONSIDER
        if one >= WATCH and totals.first_on is not None:
            since = totals.first_on if since is None else min(since, totals.first_on)
    if state.asked_on is not None and day - state.asked_on < protocol.asked_lasts_days:
        level = max(level, WATCH)
        reasons.append(("asked", state.asked_on))
    held: tuple[Reason, ...] = ()
    hours = (at - patient.infused_at) / 3600
    if hours < protocol.acute_hours:
        held = (("within_a_day_of_infusion", hours, protocol.acute_hours),)
    if patient.course_closed is not None and patient.course_closed <= day:
        held = (*held, ("course_closed", patient.course_closed))
    changed_by = None
    if level == CONSIDER and not relapsed:
        changed_by = _changed_by(patient, state, gain_lost, mood_alone, protocol)
    worse = _worse(patient, now, day, state.recent, protocol)
    return BareAnswer(day, level, tuple(reasons), held, worse, since, changed_by)


def _gain_lost(
    patient: BarePatient, now: BareLoss, day: int, recent: Days, protocol: Protocol, reasons: list[Reason]
) -> int:
    smoothed, share, before, days = now.smoothed[3], now.shares[3], now.shares_before[3], now.days[3]
    if smoothed is None:
        reasons.append(("no_gain", patient.mean_gain))
        return NO_REFERENCE
    if smoothed >= patient.threshold - ROUNDING:
        if _considers(patient, smoothed, share, before, days, day, recent, protocol):
            reasons.append(("lost_enough", smoothed, patient.threshold))
            return CONSIDER
        reasons.append(("watch_reached", smoothed, protocol.watch_at))
        _doubts(patient, share, before, days, day, recent, protocol, reasons)
        return WATCH
    if now.since[3] is None:
        reasons.append(("below_watch", smoothed, protocol.watch_at))
        return STEADY
    if smoothed >= protocol.watch_at - ROUNDING:
        reasons.append(("watch_reached", smoothed, protocol.watch_at))
    else:
        reasons.append(("still_watching", smoothed, protocol.steady_below, protocol.steady_days))
    return WATCH


def _doubts(
    patient: BarePatient,
    share: float | None,
    before: float | None,
    days: Days,
    day: int,
    recent: Days,
    protocol: Protocol,
    reasons: list[Reason],
) -> None:
    bound = protocol.consider_each_day - ROUNDING
    if patient.mean_gain < protocol.least_gain - ROUNDING:
        reasons.append(("gain_too_small", patient.mean_gain, protocol.least_gain))
    if share is None or share < bound or before is None or before < bound:
        reasons.append(("last_days_better", share, before, protocol.consider_each_day))
    if not _is_recent(days, day, recent, protocol):
        within = max(float(protocol.consider_within_days), _longer(recent, protocol))
        have = sum(day - one < within for one in days)
        reasons.append(("too_few_recent_days", have, protocol.consider_least_days, within))


def _one_domain(
    patient: BarePatient,
    index: int,
    now: BareLoss,
    day: int,
    recent: Days,
    protocol: Protocol,
    reasons: list[Reason],
) -> int:
    smoothed = now.smoothed[index]
    assert smoothed is not None
    if not index and _mood_considers(patient, smoothed, now.days[0], day, recent, protocol):
        reasons.append(("domain_lost_enough", index, smoothed, protocol.mood_consider_at))
        return CONSIDER
    watch_at = _watch_at(index, protocol)
    if smoothed >= watch_at - ROUNDING:
        reasons.append(("domain_watch_reached", index, smoothed, watch_at))
    else:
        reasons.append(("domain_still_watching", index, smoothed, protocol.steady_below))
    return WATCH


def _scale_relapse(totals: BareTotals, day: int, protocol: Protocol, reasons: list[Reason]) -> int:
    level, days, on = STEADY, None, totals.on
    if totals.missing is not None:
        late = totals.awaited_until is not None and day > totals.awaited_until
        code = "reference_not_taken" if late and totals.missing == "reference_awaited" else totals.missing
        reasons.append((code, totals.scale, None, None, None, None, None))
        return NO_REFERENCE
    if on is None:
        reasons.append(("no_total_since", totals.scale, None, None, None, None, None))
    else:
        if not totals.count or totals.first_on is None:
            code = "below_threshold"
        elif totals.count < protocol.totals_least_crossings:
            code, level = "one_crossing", WATCH
        elif on - totals.first_on < totals.days_apart:
            code, level, days = "crossings_too_close", WATCH, on - totals.first_on
        elif day - on > protocol.totals_speak_for_days:
            code, level, days = "last_total_old", WATCH, day - on
        else:
            code, level, days = "crossings_confirmed", CONSIDER, on - totals.first_on
        reasons.append((code, totals.scale, totals.latest, totals.line, on, totals.count, days))
    if not totals.has_baseline:
        reasons.append(("no_baseline", totals.scale, None, None, None, None, None))
    return level


def _worse(patient: BarePatient, now: BareLoss, day: int, recent: Days, protocol: Protocol) -> Days:
    found: Days = ()
    for index in range(3):
        level, before = now.levels[index], patient.before[index]
        if (
            level is not None
            and before is not None
            and before - level >= protocol.worse_points - ROUNDING
            and before - level >= protocol.worse_sds * patient.spread[index] - ROUNDING
            and _is_recent(now.days[index], day, recent, protocol)
        ):
            found = (*found, index)
    return found


def _changed_by(
    patient: BarePatient, state: BareState, gain_lost: bool, mood_alone: bool, protocol: Protocol
) -> Reason:
    """The least report of a domain that would have been below consider, on both last days or on the last."""
    on_last = _least(patient, state.now, None, gain_lost, mood_alone, protocol)
    if not on_last:
        return ("no_counterfactual",)
    on_before = _least(patient, state.before, state.now, gain_lost, mood_alone, protocol)
    for index, report in on_last.items():
        if index in on_before:
            return ("counterfactual", index, max(report, on_before[index]), 2)
    index, report = next(iter(on_last.items()))
    return ("counterfactual", index, report, 1)


def _least(  # noqa: C901, PLR0912 -- as above
    patient: BarePatient,
    loss: BareLoss,
    later: BareLoss | None,
    gain_lost: bool,
    mood_alone: bool,
    protocol: Protocol,
) -> dict[int, int]:
    share, day, answered = loss.shares[3], loss.last[3], 0.0
    found: dict[int, int] = {}
    bound = mood_bound = -inf
    if gain_lost:
        if later is not None and later.last[3] == day:
            return {}
        bound = max(_bound(loss, later, 3, patient.threshold), protocol.consider_each_day)
        for index in range(3):
            if loss.last[index] == day and loss.shares[index] is not None:
                answered += patient.weights[index]
    if mood_alone:
        if later is not None and later.last[0] == loss.last[0]:
            return {}
        mood_bound = _bound(loss, later, 0, protocol.mood_consider_at)
    for index in range(1 if mood_alone else 3):
        value, gain, own, weight = (
            patient.values[index],
            patient.gains[index],
            loss.shares[index],
            patient.weights[index],
        )
        if value is None or gain is None:
            continue
        above = -inf
        if mood_alone:
            if mood_bound < protocol.share_lowest:
                continue
            above = value - gain * mood_bound
        if gain_lost:
            if not weight or own is None or share is None or loss.last[index] != day:
                continue
            changed = own - (share - bound) / (weight / answered)
            if changed < protocol.share_lowest:
                continue
            above = max(above, value - gain * changed)
        report = max(0, floor(above + ROUNDING) + 1)
        if report <= 10:
            found[index] = report
    return found


def _bound(loss: BareLoss, later: BareLoss | None, index: int, target: float) -> float:
    if later is not None:
        share, rate = later.shares[index], later.rates[index]
        if share is not None:
            target = (target - rate * share) / (1 - rate)
    rate, before = loss.rates[index], loss.smoothed_before[index]
    if not rate or before is None:
        return -inf
    return (target - (1 - rate) * before) / rate
