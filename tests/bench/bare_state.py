"""What the bare step remembers one check-in later: the asked days, the four shares, what findings rest on."""

from math import exp

from app.clinical.protocol import Protocol
from tests.bench.bare_records import (
    MASK,
    RECOVERIES_KEPT,
    ROUNDING,
    WEIGHTED,
    Asked,
    BareLoss,
    BarePatient,
    BareSigns,
    Maybe,
)
from tests.bench.bare_rules import (
    asks,
    considers,
    is_worse,
    may_speak,
    mood_considers,
    mood_mean,
    threshold_of,
)


def asked_through(patient: BarePatient, asked: Asked, burst: bool, day: int, protocol: Protocol) -> Asked:
    last, ask, answers, asked_since, answered_since = asked
    if day <= last:
        if answers & 1 or day < last:
            return asked
        return last, ask, answers | 1, asked_since, answered_since + (ask & 1)
    for one in range(last + 1, day + 1):
        bit = asks(patient, one, burst, one - last, protocol)[0]
        ask, asked_since = (ask << 1 | bit) & MASK, asked_since + bit
    answers = (answers << (day - last) | 1) & MASK
    return day, ask, answers, asked_since, answered_since + (ask & 1)


def loss_after_day(  # noqa: C901, PLR0912, PLR0915 -- a call for each part would be structure, which is what is measured
    patient: BarePatient, loss: BareLoss, day: int, means: Maybe, protocol: Protocol
) -> BareLoss:
    last, days, shares, before = list(loss.last), list(loss.days), list(loss.shares), list(loss.shares_before)
    earlier, rates, n_days = list(loss.smoothed_before), list(loss.rates), list(loss.n_days)
    smoothed, low, since = list(loss.smoothed), list(loss.low_days), list(loss.since)
    run_from, run_after, reports = list(loss.run_from), list(loss.run_after), list(loss.reports)
    kept = 1 - max(protocol.domain_least_days, protocol.consider_least_days)
    bound = protocol.consider_each_day - ROUNDING
    own: list[float | None] = [None, None, None, None]
    total = answered = 0.0
    for index in range(3):
        report, value, gain = means[index], patient.values[index], patient.gains[index]
        if report is None:
            continue
        reports[index] = report
        if smoothed[index] is None or value is None or gain is None:
            continue
        share = 0.0
        if gain > 0:
            share = min(protocol.share_highest, max(protocol.share_lowest, (value - report) / gain))
        total += patient.weights[index] * share
        answered += patient.weights[index]
        own[index] = share if index else min(share, protocol.mood_highest)
    if answered and smoothed[WEIGHTED] is not None:
        own[WEIGHTED] = min(total / answered, protocol.day_highest)
    # The weighted share first: the others look back by its days.
    for index in (3, 0, 1, 2):
        share_now, old = own[index], smoothed[index]
        if share_now is None or old is None:
            continue
        elapsed = day - last[index]
        rate = 0.0
        if elapsed > 0:
            rate = min(protocol.smoothing_most, 1.0 - exp(-elapsed / protocol.smoothing_days))
        new = old + rate * (share_now - old)
        if share_now < bound:
            run_from[index] = run_after[index] = None
        elif run_from[index] is None:
            run_from[index], run_after[index] = day, last[index] if n_days[index] else None
        last[index], before[index], shares[index], smoothed[index] = day, shares[index], share_now, new
        earlier[index], rates[index], n_days[index] = old, rate, n_days[index] + 1
        days[index] = (*days[index][kept:], day)
        low[index] = min(low[index] + 1, protocol.steady_days) if new < protocol.steady_below else 0
        if since[index] is not None:
            if low[index] >= protocol.steady_days:
                since[index] = None
        elif new >= threshold_of(index, protocol) - ROUNDING and (
            index == WEIGHTED or may_speak(patient, index, days[index], day, days[WEIGHTED], protocol)
        ):
            since[index] = day
    considered_on, steady_on = loss.considered_on, loss.steady_on
    crossed_on, crossed_run, burst = loss.crossed_on, loss.crossed_run, loss.burst
    steady = low[WEIGHTED] >= protocol.steady_days
    if steady and since[0] is None and since[1] is None and since[2] is None:
        steady_on = day
    if steady:
        considered_on = None
    elif considered_on is None and day >= patient.induction_over:
        by_gain = considers(
            patient, smoothed[3], shares[3], before[3], days[3], day, days[WEIGHTED], protocol
        )
        if by_gain or mood_considers(patient, smoothed[0], days[0], day, days[WEIGHTED], protocol):
            considered_on = day
            if crossed_on is None:
                crossed_on, first = day, run_from[WEIGHTED if by_gain else 0]
                crossed_run = None if first is None else (run_after[WEIGHTED if by_gain else 0], first)
    share_now, share_then = shares[WEIGHTED], before[WEIGHTED]
    if smoothed[WEIGHTED] is not None and share_now is not None:
        well = (
            share_now < protocol.burst_below and share_then is not None and share_then < protocol.burst_below
        )
        watching = any(one is not None for one in since)
        burst = watching or share_now >= protocol.burst_from or (burst and not well)
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
        tuple(n_days),
        tuple(run_from),
        tuple(run_after),
        tuple(reports),
        considered_on,
        steady_on,
        crossed_on,
        crossed_run,
        burst,
    )


def signs_after_day(  # noqa: C901, PLR0912 -- as above
    patient: BarePatient,
    signs: BareSigns,
    day: int,
    means: Maybe,
    slept: float | None,
    before: BareLoss,
    now: BareLoss,
    protocol: Protocol,
) -> BareSigns:
    spoke = now.last[WEIGHTED] == day and now.smoothed[WEIGHTED] is not None
    smoothed = now.smoothed[WEIGHTED] if spoke else None
    recent = (*signs.recent[1 - protocol.best_days :], (day, means, smoothed, slept))
    recoveries = signs.recoveries
    if before.considered_on is not None and now.considered_on is None:
        recoveries = (*recoveries[1 - RECOVERIES_KEPT :], (before.considered_on, day))
    since, on, run = signs.elevated_since, signs.elevated_on, signs.run
    if since is not None and on is not None and day - on >= protocol.elevated_ends_days:
        since = None
    if _is_elevated(patient, means, slept, protocol):
        run = (*run[1 - protocol.elevated_days :], day)
        if (
            since is None
            and len(run) >= protocol.elevated_days
            and day - run[0] < protocol.elevated_within_days
        ):
            since = day
        on = day if since is not None else on
    else:
        run = ()
    level_days, levels = list(signs.level_days), list(signs.levels)
    elapsed, rate = -1, 0.0
    for index in range(3):
        report, old = means[index], levels[index]
        if report is None:
            continue
        if old is None:
            old, level_days[index] = (report, (), None, 0), day
        if day - level_days[index] != elapsed:
            elapsed = day - level_days[index]
            rate = 0.0
            if elapsed > 0:
                rate = min(protocol.smoothing_most, 1.0 - exp(-elapsed / protocol.smoothing_days))
        level, own, worse_since, back = old
        level = level + rate * (report - level)
        own = (*own[1 - protocol.worse_least_days :], day)
        if patient.before[index] is not None:
            worse = is_worse(patient, index, level, protocol)
            if worse_since is not None:
                back = 0 if worse else back + 1
                if back >= protocol.worse_ends_days:
                    worse_since, back = None, 0
            else:
                least, back = protocol.worse_least_days, 0
                enough = len(own) >= least and day - own[-least] < protocol.worse_within_days
                worse_since = day if worse and enough else None
        level_days[index], levels[index] = day, (level, own, worse_since, back)
    best, mean = signs.best, mood_mean(recent, day, protocol)
    if mean is not None and (best is None or mean > best[0]):
        best = (mean, day)
    return BareSigns(tuple(level_days), tuple(levels), run, since, on, recent, best, recoveries)


def _is_elevated(patient: BarePatient, means: Maybe, slept: float | None, protocol: Protocol) -> bool:
    mood, energy, _ = means
    if mood is None or energy is None or min(mood, energy) < protocol.elevated_report:
        return False
    usual_mood, usual_energy, _ = patient.means
    if slept is None:
        if usual_mood is None or usual_energy is None:
            return False
        above, high = protocol.elevated_above_reference, protocol.elevated_high
        return mood >= max(high, usual_mood + above) and energy >= max(high, usual_energy + above)
    return (
        slept <= protocol.elevated_sleep_hours
        and mood >= (usual_mood or 0)
        and energy >= (usual_energy or 0)
        and slept <= patient.usual_hours - protocol.elevated_sleep_less + ROUNDING
    )
