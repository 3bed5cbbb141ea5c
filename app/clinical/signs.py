"""What findings rest on, a step a check-in day: smoothed levels, elevated days, the best mood, recoveries.

Findings are for review by a clinician and never a booster question. Each is one rule in `findings`; here is what
they need to remember, and the two rules that are counted day by day.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.clinical.domains import MOOD, PerDomain
from app.clinical.ewma import ROUNDING, rate_of
from app.clinical.protocol import Protocol
from app.clinical.reference import Baseline, Reference, spread_before, usual_sleep_hours


class RecentDay(NamedTuple):
    """One of the latest check-in days: its means as answered, hours of sleep, weighted share and S."""

    day: int
    values: PerDomain[float | None]
    sleep_hours: float | None
    share: float | None
    smoothed: float | None


class SmoothedLevel(NamedTuple):
    """One domain's smoothed report in points, not restarted by boosters.

    Attributes:
        days: its latest check-in days, as many as the rule asks for.
        worse_since: the day on which it was first seen to be worse than before treatment.
        back: on how many check-in days in a row it has been back above.
    """

    day: int
    level: float
    days: tuple[int, ...]
    worse_since: int | None = None
    back: int = 0


class Signs(NamedTuple):
    """What findings rest on, through one check-in day.

    Attributes:
        levels: each domain's smoothed level since induction.
        elevated_run: the latest check-in days in a row with elevated mood.
        elevated_since: when enough of them came together; None when it is over.
        elevated_on: the latest such day, kept after it is over.
        recent: the latest check-in days.
        best_mood: the best mean of mood over 14 days since induction, and the last of these days.
        recoveries: losses that became steady without an infusion: (first day at consider, day of steady).
    """

    levels: PerDomain[SmoothedLevel | None] = PerDomain(None, None, None)
    elevated_run: tuple[int, ...] = ()
    elevated_since: int | None = None
    elevated_on: int | None = None
    recent: tuple[RecentDay, ...] = ()
    best_mood: tuple[float, int] | None = None
    recoveries: tuple[tuple[int, int], ...] = ()


class Day(NamedTuple):
    """A check-in day as a step sees it; `share` and `smoothed` are those of the weighted loss, if any."""

    day: int
    values: PerDomain[float | None]
    sleep_hours: float | None
    share: float | None
    smoothed: float | None
    recovered_from: int | None


RECOVERIES_KEPT = 3


def signs_after(
    signs: Signs,
    day: Day,
    *,
    reference: Reference | None,
    baseline: Baseline | None,
    levels_begin: bool,
    protocol: Protocol,
) -> Signs:
    """What findings rest on, one check-in day later.

    Args:
        signs: as of the check-in day before.
        day: the day.
        reference: the measured one, if there is any.
        baseline: before treatment.
        levels_begin: whether levels are smoothed already: not before the reference window has closed.
        protocol: the numbers.
    """
    recent = (*signs.recent[1 - protocol.best_days :], RecentDay(*day[:5]))
    run, since, last_on = _elevated_after(signs, day, reference, baseline, protocol)
    recoveries = signs.recoveries
    if day.recovered_from is not None:
        recoveries = (*recoveries[1 - RECOVERIES_KEPT :], (day.recovered_from, day.day))
    return Signs(
        _levels_after(signs.levels, day, reference, baseline, protocol) if levels_begin else signs.levels,
        run,
        since,
        last_on,
        recent,
        _best_after(signs.best_mood, recent, day.day, protocol) if levels_begin else signs.best_mood,
        recoveries,
    )


def levels_from(
    reference: Reference, *, day: int, days: PerDomain[tuple[int, ...]], protocol: Protocol
) -> PerDomain[SmoothedLevel | None]:
    """Smoothed levels start from the mean of the reference window."""
    return PerDomain(
        *(
            None if value is None else SmoothedLevel(day, value, own[-protocol.worse_least_days :])
            for value, own in zip(reference.values, days, strict=True)
        )
    )


def is_elevated(day: Day, reference: Reference | None, baseline: Baseline | None, protocol: Protocol) -> bool:
    """Mood and energy at 8 or more and as high as after induction, with 5.5 hours of sleep or fewer, 2 below usual.

    Hours not reported: mood and energy at 9 or more and 2 points above the reference; without one never.
    """
    mood, energy, _ = day.values
    if mood is None or energy is None or min(mood, energy) < protocol.elevated_report:
        return False
    usual_mood, usual_energy = (reference.values.mood, reference.values.energy) if reference else (None, None)
    if day.sleep_hours is None:
        if usual_mood is None or usual_energy is None:
            return False
        above = protocol.elevated_above_reference
        high = protocol.elevated_high
        return mood >= max(high, usual_mood + above) and energy >= max(high, usual_energy + above)
    if day.sleep_hours > protocol.elevated_sleep_hours:
        return False
    usual = usual_sleep_hours(reference, baseline, protocol)
    return (
        mood >= (usual_mood or 0)
        and energy >= (usual_energy or 0)
        and day.sleep_hours <= usual - protocol.elevated_sleep_less + ROUNDING
    )


def is_worse(
    level: float, before: float | None, index: int, spread: PerDomain[float], protocol: Protocol
) -> bool:
    """At least 1.5 points below the measured baseline, and 1.5 SD for mood or 2 for energy and sleep."""
    if before is None or before - level < protocol.worse_points - ROUNDING:
        return False
    sds = protocol.worse_sds_mood if index == MOOD else protocol.worse_sds
    return before - level >= sds * spread[index] - ROUNDING


def _levels_after(
    levels: PerDomain[SmoothedLevel | None],
    day: Day,
    reference: Reference | None,
    baseline: Baseline | None,
    protocol: Protocol,
) -> PerDomain[SmoothedLevel | None]:
    after, elapsed, rate = list(levels), -1, 0.0
    for index, report in enumerate(day.values):
        if report is None:
            continue
        one = levels[index]
        if one is None:
            one = SmoothedLevel(day.day, report, ())
        # Domains are mostly answered on the same days: one exponential for all of them.
        if day.day - one.day != elapsed:
            elapsed = day.day - one.day
            rate = rate_of(elapsed, protocol)
        level = one.level + rate * (report - one.level)
        days = (*one.days[1 - protocol.worse_least_days :], day.day)
        since, back = one.worse_since, one.back
        before = baseline.values[index] if baseline else None
        if before is not None:
            since, back = _worse_since(level, days, since, back, index, reference, baseline, protocol)
        after[index] = SmoothedLevel(day.day, level, days, since, back)
    return PerDomain(*after)


def _worse_since(
    level: float,
    days: Sequence[int],
    since: int | None,
    back: int,
    index: int,
    reference: Reference | None,
    baseline: Baseline | None,
    protocol: Protocol,
) -> tuple[int | None, int]:
    """Since when a domain has been worse; 5 check-in days in a row back above end it."""
    before = baseline.values[index] if baseline else None
    if before is None or baseline is None or before - level < protocol.worse_points - ROUNDING:
        worse = False
    else:
        spread = reference.spread if reference else spread_before(baseline, protocol)
        worse = is_worse(level, before, index, spread, protocol)
    if since is not None:
        back = 0 if worse else back + 1
        return (None, 0) if back >= protocol.worse_ends_days else (since, back)
    least = protocol.worse_least_days
    enough = len(days) >= least and days[-1] - days[-least] < protocol.worse_within_days
    return (days[-1] if worse and enough else None), 0


def _elevated_after(
    signs: Signs, day: Day, reference: Reference | None, baseline: Baseline | None, protocol: Protocol
) -> tuple[tuple[int, ...], int | None, int | None]:
    """Elevated on 3 check-in days in a row within 7 days; over after 7 days without such a day."""
    since, last_on = signs.elevated_since, signs.elevated_on
    if since is not None and last_on is not None and day.day - last_on >= protocol.elevated_ends_days:
        since = None
    if not is_elevated(day, reference, baseline, protocol):
        return (), since, last_on
    run = (*signs.elevated_run[1 - protocol.elevated_days :], day.day)
    together = len(run) >= protocol.elevated_days and day.day - run[0] < protocol.elevated_within_days
    if since is None and together:
        since = day.day
    return run, since, (day.day if since is not None else last_on)


def _best_after(
    best: tuple[float, int] | None, recent: Sequence[RecentDay], today: int, protocol: Protocol
) -> tuple[float, int] | None:
    mean = mood_mean(recent, today, protocol)
    if mean is None or (best is not None and mean <= best[0]):
        return best
    return mean, today


def mood_mean(recent: Sequence[RecentDay], today: int, protocol: Protocol) -> float | None:
    """The mean of mood over the last 14 days; None with fewer than 7 answered."""
    total, count, earliest = 0.0, 0, today - protocol.best_days
    for one in recent:
        mood = one.values[MOOD]
        if one.day > earliest and mood is not None:
            total, count = total + mood, count + 1
    return total / count if count >= protocol.best_least_days else None
