"""What the bare step says: level, reasons, findings, notes, and what would have changed it."""

from math import floor, inf

from app.clinical.protocol import Protocol
from tests.bench.bare_records import (
    ASKED_BITS,
    BELOW_BEST,
    CONSIDER,
    DISAGREE,
    ELEVATED,
    LEVELS,
    NO_REFERENCE,
    ROUNDING,
    SILENT,
    STEADY,
    UNKNOWN,
    WATCH,
    WEIGHTED,
    WORSE,
    Asked,
    BareAnswer,
    BareLoss,
    BarePatient,
    BareSigns,
    BareState,
    BareTotals,
    Days,
    Maybe,
    Reason,
)
from tests.bench.bare_rules import (
    asks,
    considers,
    is_recent,
    is_worse,
    look_back,
    mood_considers,
    mood_mean,
    threshold_of,
)


def answer_of(  # noqa: C901, PLR0912, PLR0915 -- as above
    patient: BarePatient, state: BareState, day: int, at: float, protocol: Protocol
) -> BareAnswer:
    reasons: list[Reason] = []
    now, since = state.now, None
    last = now.days[WEIGHTED][-1] if now.days[WEIGHTED] else None
    daily = asks(patient, day, now.burst, day - state.asked[0], protocol)[1]
    within = protocol.fresh_days_daily if daily else protocol.fresh_days_sparse
    stale = last is not None and now.smoothed[WEIGHTED] is not None and day - last > within
    asof = last if stale and last is not None else day
    by_gain = level = _gain_lost(patient, now, asof, protocol, reasons)
    mood_alone = relapsed = False
    if level >= WATCH:
        since = now.since[WEIGHTED] or asof
    if patient.mean_gain >= protocol.least_gain - ROUNDING:
        for index in range(3):
            left = now.since[index]
            if left is not None:
                one = _one_domain(patient, index, now, asof, protocol, reasons)
                level, mood_alone = max(level, one), mood_alone or one == CONSIDER
                since = left if since is None else min(since, left)
    first_level = by_gain
    if stale:
        said = level
        level = first_level = level if level == CONSIDER else UNKNOWN
        since = last if level == CONSIDER else None
        reasons[:] = [("last_known", LEVELS[said], last, day - (last or 0))]
        by_gain, mood_alone = level, False
    for totals in patient.totals:
        one = _scale_relapse(totals, day, protocol, reasons)
        # What check-ins do not know stays unknown beside a total that says steady.
        level = level if one == STEADY and level == UNKNOWN else max(level, one)
        relapsed = relapsed or one == CONSIDER
        if one >= WATCH and totals.first_on is not None:
            since = totals.first_on if since is None else min(since, totals.first_on)
    if state.asked_on is not None and day - state.asked_on < protocol.asked_lasts_days:
        level = max(level, WATCH)
        reasons.append(("asked", state.asked_on))
    steady = first_level == STEADY and now.shares[WEIGHTED] is not None
    findings, worse, waits = _findings(patient, state, day, relapsed, steady, protocol)
    held: tuple[Reason, ...] = ()
    hours = (at - patient.infused_at) / 3600
    if hours < protocol.acute_hours:
        held = (("within_a_day_of_infusion", hours, protocol.acute_hours),)
    if patient.course_closed is not None and patient.course_closed <= day:
        held = (*held, ("course_closed", patient.course_closed))
    if stale and not relapsed:
        held = (*held, reasons[0])
    on = state.signs.elevated_on
    if on is not None and day - on <= protocol.elevated_holds_days:
        held = (*held, ("mood_elevated", on, on + protocol.elevated_holds_days))
    if waits is not None and not relapsed:
        held = (*held, waits)
    recent, earlier = _answered(state.asked, protocol)
    fell = (
        bool(recent[1] and earlier[1])
        and earlier[0] / earlier[1] - recent[0] / recent[1] >= protocol.answering_fell_by - 1e-9
    )
    notes = list(patient.notes)
    if fell:
        notes.append(("answering_fell", *recent, *earlier))
    if level == CONSIDER:
        notes.extend(_notes_of_consider(state.signs, day, protocol))
        if not relapsed and not stale:
            notes.append(_changed_by(patient, state, by_gain == CONSIDER, mood_alone, protocol))
    return BareAnswer(
        day,
        level,
        tuple(reasons),
        held,
        findings,
        worse,
        since if level >= WATCH else None,
        tuple(notes),
        (recent, earlier, fell),
        _stretch(patient, state, day, protocol),
        _means_now(patient, state.signs),
    )


def _answered(asked: Asked, protocol: Protocol) -> tuple[tuple[int, int], tuple[int, int]]:
    _, ask, answers, _, _ = asked
    now = (1 << protocol.answering_recent_days) - 1
    then = ((1 << protocol.answering_before_days) - 1) << protocol.answering_recent_days
    return (
        ((ask & now & answers).bit_count(), (ask & now).bit_count()),
        ((ask & then & answers).bit_count(), (ask & then).bit_count()),
    )


def _notes_of_consider(signs: BareSigns, day: int, protocol: Protocol) -> list[Reason]:
    notes: list[Reason] = []
    quick = [one for one in signs.recoveries if one[1] - one[0] <= protocol.recurs_within_days]
    if len(quick) >= protocol.recurs_times:
        lengths = [over - began for began, over in quick]
        notes.append(("recurs", len(quick), min(lengths), max(lengths), quick[-1][0] - quick[-2][0]))
    on = signs.elevated_on
    if on is not None and day - on <= protocol.elevated_said_days:
        notes.append(("mood_elevated", on, on + protocol.elevated_said_days))
    return notes


def _stretch(
    patient: BarePatient, state: BareState, day: int, protocol: Protocol
) -> tuple[int, int, int | None, bool]:
    now = state.now
    run, days, n_days = now.crossed_run, now.days[WEIGHTED], now.n_days[WEIGHTED]
    first = now.run_from[WEIGHTED]
    if run is None and first is not None:
        run = (now.run_after[WEIGHTED], first)
    if run is not None:
        held = 0 if run[0] is None else run[0] - patient.infused_on
        to: int | None = run[1] - patient.infused_on
    else:
        held, to = (max(0, days[-1] - patient.infused_on) if n_days else 0), None
    _, _, _, asked, answered = state.asked
    last = days[-1] if n_days and days else None
    enough = not asked or answered / asked >= protocol.observed_share - 1e-9
    return n_days, held, to, last is not None and enough and day - last <= protocol.observed_gap_days


def _means_now(patient: BarePatient, signs: BareSigns) -> Maybe:
    days = [one for one in signs.recent[-3:] if one[0] >= patient.infused_on]
    found: list[float | None] = []
    for index in range(3):
        values = [value for one in days if (value := one[1][index]) is not None]
        found.append(sum(values) / len(values) if values else None)
    return tuple(found)


def _findings(
    patient: BarePatient, state: BareState, day: int, relapsed: bool, steady: bool, protocol: Protocol
) -> tuple[tuple[tuple[int, int, int], ...], Days, Reason | None]:
    """The findings, the domains that are worse, and why a signal would wait for a repeat."""
    signs, now, found, worse = state.signs, state.now, list[tuple[int, int, int]](), list[int]()
    starts, ends = list[int](), list[int]()
    for index, one in enumerate(signs.levels):
        if one is None or one[2] is None:
            continue
        level, own, since, _ = one
        least, within = protocol.worse_least_days, protocol.worse_within_days
        stands = len(own) >= least and day - own[-least] < within
        on = signs.level_days[index]
        if stands or (is_worse(patient, index, level, protocol) and day - on < within):
            worse.append(index)
            starts.append(since or day)
            ends.append(on)
    if worse:
        found.append((WORSE, min(starts), max(ends)))
    since, elevated_on = signs.elevated_since, signs.elevated_on
    if since is not None and elevated_on is not None and day - elevated_on < protocol.elevated_ends_days:
        found.append((ELEVATED, since, elevated_on))
    silent = _silent(now, state.asked, day, protocol)
    if silent is not None:
        found.append(silent)
    disagrees, waits = _disagreement(patient, now, signs, day, relapsed, bool(worse), protocol)
    if disagrees is not None:
        found.append(disagrees)
    smoothed, before = now.smoothed[WEIGHTED], patient.before[0]
    if steady and smoothed is not None and smoothed < protocol.watch_at and signs.best and before is not None:
        mean, best = mood_mean(signs.recent, day, protocol), signs.best[0]
        least_below = max(protocol.below_best_points, protocol.below_best_share * (best - before))
        if mean is not None and best - mean >= least_below - ROUNDING:
            found.append((BELOW_BEST, day, day))
    return tuple(found), tuple(worse), waits


def _silent(now: BareLoss, asked: Asked, day: int, protocol: Protocol) -> tuple[int, int, int] | None:
    share, before = now.shares[WEIGHTED], now.shares_before[WEIGHTED]
    bound = protocol.consider_each_day - ROUNDING
    if share is None or before is None or min(share, before) < bound:
        return None
    _, ask, answers, _, _ = asked
    count = place = 0
    while place < ASKED_BITS and not answers >> place & 1:
        count, place = count + (ask >> place & 1), place + 1
    if count < protocol.silent_asked_days:
        return None
    recent, earlier = _answered((0, ask >> count, answers >> count, 0, 0), protocol)
    if recent[1] and earlier[1]:
        fallen = earlier[0] / earlier[1] - recent[0] / recent[1]
        if fallen >= protocol.answering_fell_by - 1e-9:
            return None
    return SILENT, min(day, now.days[WEIGHTED][-1] + protocol.silent_asked_days), day


def _disagreement(
    patient: BarePatient,
    now: BareLoss,
    signs: BareSigns,
    day: int,
    relapsed: bool,
    worse: bool,
    protocol: Protocol,
) -> tuple[tuple[int, int, int] | None, Reason | None]:
    if relapsed:
        steady = sum(
            day - on < protocol.disagree_days and smoothed is not None and smoothed < protocol.steady_below
            for on, _, smoothed, _ in signs.recent
        )
        crossed = [one for one in patient.totals if one.count and one.on is not None]
        if steady < protocol.disagree_steady_days or not crossed:
            return None, None
        return (DISAGREE, crossed[-1].on or 0, crossed[-1].on or 0), None
    considered = now.considered_on
    if considered is None or now.smoothed[WEIGHTED] is None:
        return None, None
    for one in patient.totals:
        on = one.last_on
        if on is None or not one.says_well:
            continue
        speaks = protocol.disagree_quiet_days if on > considered else protocol.disagree_days
        if day - on > speaks or (now.since[WEIGHTED] or considered) > on:
            continue
        if on > considered and one.remitted:
            then = next((smoothed for at, _, smoothed, _ in signs.recent if at >= on), None)
            risen = then is not None and (now.smoothed[WEIGHTED] or 0.0) >= then + protocol.disagree_rise
            quiet = on + protocol.disagree_quiet_days
            held = not risen and not worse and day <= quiet
            why = ("scale_disagrees", one.scale, one.last_total, on, quiet)
            return (DISAGREE, considered, on), why if held else None
        first = max(considered, on)
        until = first + max(one.recall, protocol.disagree_waits_days)
        why = ("scale_disagrees", one.scale, one.last_total, on, until)
        return (DISAGREE, first, on), why if day <= until else None
    return None, None


def _gain_lost(
    patient: BarePatient, now: BareLoss, day: int, protocol: Protocol, reasons: list[Reason]
) -> int:
    smoothed, share, before, days = now.smoothed[3], now.shares[3], now.shares_before[3], now.days[3]
    if smoothed is None:
        reasons.append(("no_gain", patient.measured_gain))
        return NO_REFERENCE
    if smoothed >= patient.threshold - ROUNDING:
        if considers(patient, smoothed, share, before, days, day, days, protocol):
            reasons.append(("lost_enough", smoothed, patient.threshold))
            return CONSIDER
        reasons.append(("watch_reached", smoothed, protocol.watch_at))
        _doubts(share, before, days, day, protocol, reasons)
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
    share: float | None, before: float | None, days: Days, day: int, protocol: Protocol, reasons: list[Reason]
) -> None:
    bound = protocol.consider_each_day - ROUNDING
    if share is None or share < bound or before is None or before < bound:
        reasons.append(("last_days_better", share, before, protocol.consider_each_day))
    if not is_recent(days, day, days, protocol):
        within = max(float(protocol.consider_within_days), look_back(days, protocol))
        have = sum(day - one < within for one in days)
        reasons.append(("too_few_recent_days", have, protocol.consider_least_days, within))


def _one_domain(
    patient: BarePatient, index: int, now: BareLoss, day: int, protocol: Protocol, reasons: list[Reason]
) -> int:
    smoothed = now.smoothed[index]
    assert smoothed is not None
    if not index and mood_considers(patient, smoothed, now.days[0], day, now.days[WEIGHTED], protocol):
        reasons.append(("domain_lost_enough", index, smoothed, protocol.mood_consider_at))
        return CONSIDER
    watch_at = threshold_of(index, protocol)
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
    day, answered, raw = loss.last[3], 0.0, 0.0
    found: dict[int, int] = {}
    own: list[float | None] = [None, None, None]
    bound = mood_bound = -inf
    if gain_lost:
        if later is not None and later.last[3] == day:
            return {}
        bound = max(_bound(loss, later, 3, patient.threshold), protocol.consider_each_day)
        for index in range(3):
            report, value, gain = loss.reports[index], patient.values[index], patient.gains[index]
            if loss.last[index] != day or loss.shares[index] is None:
                continue
            answered += patient.weights[index]
            if report is None or value is None or gain is None:
                continue
            share = 0.0
            if gain > 0:
                share = min(protocol.share_highest, max(protocol.share_lowest, (value - report) / gain))
            own[index] = share
            raw += patient.weights[index] * share
    if mood_alone:
        if later is not None and later.last[0] == loss.last[0]:
            return {}
        mood_bound = _bound(loss, later, 0, protocol.mood_consider_at)
    for index in range(1 if mood_alone else 3):
        value, gain, share_now, weight = (
            patient.values[index],
            patient.gains[index],
            own[index],
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
            if not weight or share_now is None or loss.shares[3] is None:
                continue
            changed = share_now - (raw - bound * answered) / weight
            if changed < protocol.share_lowest:
                continue
            above = max(above, value - gain * changed)
        report_above = max(0, floor(above + ROUNDING) + 1)
        if above + ROUNDING < 10:
            found[index] = report_above
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
