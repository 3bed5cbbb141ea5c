"""How long this patient's benefit has lasted so far, and the days within which most benefits would end.

Shown to clinicians beside a signal ("past benefit lasted 24, 31, 29 days"); it decides nothing and is
never turned into a probability of relapse. A benefit that had not been lost when the next infusion came,
or has not been lost yet, is censored: it lasted at least that long.

The model: durations are log-normal, each patient with an own location and spread. The prior is the normal
inverse-gamma one around a median of 18 days: quartiles 11 and 27 (Murrough 2013 [Reset Ketamine]) are a spread of
0.67, and for the first benefit of someone new the prior's is 0.5 * sqrt(1 + 1/weight) = 0.71. Observed
durations update it exactly; censored ones have no closed form, so location and spread are integrated over a
grid that is fixed by the data alone.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from app.clinical.boosters import Stretch
from app.clinical.course import Route
from app.clinical.protocol import STANDARD, Protocol

# The grid, not the model. Halving its steps moves no answer by more than a day, except the far end of a
# range that rests on nothing but one very long benefit still going on (by a few per cent).
_SPREAD_STEPS = 24
_SPREAD_FACTORS = (0.35, 4.0)
_LOCATION_REACH = 5.0
_LOCATION_STEP = 0.5
_MOST_LOCATIONS = 200
_HALVINGS = 24
_SURVIVAL_UNDERFLOWS_AT = 35.0
_NEGLIGIBLE_WEIGHT = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDuration:
    """One stretch of benefit: from an infusion to the last day before its loss, or as far as it was seen.

    Attributes:
        days: whole days; it lasted at least so long.
        lost: whether its loss was seen.
        at_most_days: a lost one ended by then: the first day of the run of low days.
        until_days: the days to the next booster; None while it is running.
        observed: whether enough of its asked days were answered, also at its end; else it is neither held nor lost.
        course_started_on, route, dose_mg_per_kg: its course, and the infusion that it began with, where known.
    """

    from_day: date
    days: int
    lost: bool
    course_started_on: date | None = None
    route: Route | None = None
    dose_mg_per_kg: float | None = None
    at_most_days: int | None = None
    until_days: int | None = None
    observed: bool = True

    @property
    def outlasted_days(self) -> int:
        """How long an interval it censored: what was not lost by the next booster held until then."""
        return self.days if self.lost or self.until_days is None else max(self.days, self.until_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalInterval:
    """What this patient's benefits have lasted, and what to expect of the next, in whole days.

    `typical_days` is the middle of the expectation, `shortest_days` to `longest_days` the range that most
    benefits would fall in. With no benefit lost or censored yet all three are the population's
    (`population_only`).
    """

    past: tuple[ResponseDuration, ...]
    typical_days: int
    shortest_days: int
    longest_days: int
    population_only: bool


def response_durations(
    *, last_induction_on: date | None, boosters_on: Sequence[date], losses_on: Sequence[date], as_of: date
) -> tuple[ResponseDuration, ...]:
    """A stretch starts with the end of the series and with each booster, and ends with its first loss.

    A booster given while still well, and today, end it unlost. Nothing after `as_of` has any effect.
    """
    starts = sorted({day for day in (last_induction_on, *boosters_on) if day is not None and day <= as_of})
    if last_induction_on is not None:
        starts = [day for day in starts if day >= last_induction_on]
    stretches: list[ResponseDuration] = []
    for start, end in pairwise([*starts, as_of]):
        # A loss confirmed on the day of the next infusion is what that infusion was given for.
        lost_on = min((day for day in losses_on if start < day <= end), default=None)
        last = end if lost_on is None else lost_on
        stretches.append(ResponseDuration(from_day=start, days=(last - start).days, lost=lost_on is not None))
    return tuple(stretches)


def personal_interval(past: Sequence[ResponseDuration], *, protocol: Protocol = STANDARD) -> PersonalInterval:
    """The expected duration of the next benefit: the population's, moved by this patient's own.

    The order of the benefits does not matter. A still running benefit counts as lasting at least so long.
    """
    observed = [
        benefit
        for benefit in past
        if benefit.observed and (benefit.lost or benefit.days >= protocol.response_duration_shortest_days)
    ]
    logs = sorted((math.log(max(b.days, protocol.response_duration_shortest_days)), b.lost) for b in observed)
    mixture = _posterior(
        lost=[log for log, lost in logs if lost],
        censored=[log for log, lost in logs if not lost],
        protocol=protocol,
    )
    tail = (1 - protocol.response_duration_covered) / 2
    low, middle, high = (math.exp(_quantile(mixture, share)) for share in (tail, 0.5, 1 - tail))
    return PersonalInterval(
        past=tuple(sorted(past, key=lambda benefit: (benefit.from_day, benefit.days, benefit.lost))),
        typical_days=max(round(middle), protocol.response_duration_shortest_days),
        shortest_days=max(math.floor(low), protocol.response_duration_shortest_days),
        longest_days=math.ceil(high),
        population_only=not observed,
    )


def by_stretches(
    past: Sequence[ResponseDuration], stretches: Sequence[Stretch]
) -> tuple[ResponseDuration, ...]:
    """The same benefits as check-ins saw them: interval-censored, and at the last countable report.

    A benefit ends between the last day before the run of low days and its first, not at the crossing; an unlost one
    is seen to its last countable report, never to today. Earlier ones than the stretches that are kept stay.
    """
    seen = {date.fromordinal(one.from_day): one for one in stretches}
    running = stretches[-1].from_day if stretches else None
    return tuple(
        one if one.from_day not in seen else _of_stretch(seen[one.from_day], running) for one in past
    )


def _of_stretch(stretch: Stretch, running: int | None) -> ResponseDuration:
    return ResponseDuration(
        from_day=date.fromordinal(stretch.from_day),
        days=stretch.held_days,
        lost=stretch.crossed_on is not None and stretch.held_to is not None,
        at_most_days=stretch.held_to if stretch.crossed_on is not None else None,
        until_days=None if stretch.from_day == running else stretch.to_day - stretch.from_day,
        observed=stretch.observed,
    )


class NotOffered(StrEnum):
    """Why no learned interval is offered."""

    NO_STRETCH = "no_stretch"
    NOT_OBSERVED = "not_observed"
    FINDING_OPEN = "finding_open"
    LONG_EXPOSURE_OPEN = "long_exposure_open"
    PRECAUTION_ACTIVE = "precaution_active"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedInterval:
    """The interval that this patient's latest stretch speaks for, beside the plan; a clinician decides.

    Attributes:
        days: from the last booster to the next; None when none is offered, and `not_offered` says why.
        from_stretch: the benefit that it was learned from.
    """

    days: int | None
    from_stretch: ResponseDuration | None
    not_offered: tuple[NotOffered, ...] = ()


def offered_interval(
    stretches: Sequence[Stretch],
    *,
    finding_open: bool,
    long_exposure_open: bool,
    precaution_active: bool,
    protocol: Protocol = STANDARD,
) -> LearnedInterval:
    """What is offered now: from the running stretch once it was lost, else from the one before it."""
    running, ended = (stretches[-1], stretches[-2:-1]) if stretches else (None, ())
    lost = running is not None and running.crossed_on is not None
    stretch = running if lost else (ended[0] if ended else None)
    if stretch is None:
        return LearnedInterval(days=None, from_stretch=None, not_offered=(NotOffered.NO_STRETCH,))
    reasons = {
        NotOffered.NOT_OBSERVED: not stretch.observed,
        NotOffered.FINDING_OPEN: finding_open,
        NotOffered.LONG_EXPOSURE_OPEN: long_exposure_open,
        NotOffered.PRECAUTION_ACTIVE: precaution_active,
    }
    against = tuple(reason for reason, holds in reasons.items() if holds)
    length = stretch.to_day - stretch.from_day
    days = None if against else learned_interval(length, stretch, protocol=protocol)
    learned_from = _of_stretch(stretch, running.from_day if running else None)
    return LearnedInterval(days=days, from_stretch=learned_from, not_offered=against)


def learned_interval(
    interval_days: int, stretch: Stretch | None, *, protocol: Protocol = STANDARD
) -> int | None:
    """The next interval that this patient's last one speaks for: offered beside the plan, decided by a clinician.

    Lost after n days: a booster for day n, never under 14. Held: the interval times 1.3, times 1.6 once it is
    monthly, at most 120 days. Nothing is offered on a stretch that was not observed.
    """
    if stretch is None or not stretch.observed:
        return None
    if stretch.held_to is not None:
        return max(protocol.learned_shortest_days, stretch.held_days)
    monthly = interval_days >= protocol.learned_monthly_days
    factor = protocol.learned_factor_monthly if monthly else protocol.learned_factor
    return min(protocol.learned_longest_days, round(interval_days * factor))


@dataclass(frozen=True, slots=True)
class _Part:
    """One point of the grid: a log-normal with its weight."""

    weight: float
    location: float
    spread: float


def _posterior(*, lost: Sequence[float], censored: Sequence[float], protocol: Protocol) -> tuple[_Part, ...]:
    """Weigh every location and spread by the prior, the lost benefits and the censored ones."""
    count = protocol.response_duration_weight + len(lost)
    location = (
        protocol.response_duration_weight * math.log(protocol.response_duration_median_days) + sum(lost)
    ) / count
    squares = _squares_after(lost, location, protocol)
    freedom = protocol.response_duration_spread_certainty + len(lost)
    logs: list[tuple[float, float, float]] = []
    # Under a plan many benefits are cut short at the same length: each length is worked out once.
    lengths = Counter(censored).items()
    for spread in _spreads(squares, freedom):
        of_spread = -freedom * math.log(spread) - squares / (2 * spread**2)
        precision = spread / math.sqrt(count)
        places, step = _locations(location, precision, censored, spread, count)
        for place in places:
            of_place = -0.5 * ((place - location) / precision) ** 2 + math.log(step / precision)
            still = sum(times * _log_still_well((log - place) / spread) for log, times in lengths)
            logs.append((of_spread + of_place + still, place, spread))
    highest = max(weight for weight, _, _ in logs)
    parts = [_Part(math.exp(weight - highest), place, spread) for weight, place, spread in logs]
    return tuple(part for part in parts if part.weight > _NEGLIGIBLE_WEIGHT)


def _squares_after(lost: Sequence[float], location: float, protocol: Protocol) -> float:
    """The sum of squares after the lost benefits: the prior's, theirs, and the prior's distance."""
    prior = protocol.response_duration_spread_certainty * protocol.response_duration_spread**2
    shift = (
        protocol.response_duration_weight * (math.log(protocol.response_duration_median_days) - location) ** 2
    )
    return prior + sum((log - location) ** 2 for log in lost) + shift


def _spreads(squares: float, freedom: float) -> list[float]:
    """Spreads to integrate over, evenly on the log scale around the likeliest one."""
    low, high = (math.log(factor * math.sqrt(squares / freedom)) for factor in _SPREAD_FACTORS)
    return [math.exp(low + (high - low) * step / _SPREAD_STEPS) for step in range(_SPREAD_STEPS + 1)]


def _locations(
    location: float, precision: float, censored: Sequence[float], spread: float, count: float
) -> tuple[list[float], float]:
    """Locations to integrate over: around the lost benefits' one, and up past the longest censored."""
    low = location - _LOCATION_REACH * precision
    high = max([location, *censored]) + _LOCATION_REACH * precision
    finest = _LOCATION_STEP * spread / math.sqrt(count + len(censored))
    steps = min(math.ceil((high - low) / finest), _MOST_LOCATIONS)
    step = (high - low) / steps
    return [low + step * index for index in range(steps + 1)], step


def _log_still_well(z: float) -> float:
    """Log of the chance that a standard normal exceeds z, also where the chance itself underflows."""
    if z < _SURVIVAL_UNDERFLOWS_AT:
        return math.log(0.5 * math.erfc(z / math.sqrt(2)))
    return -0.5 * z * z - math.log(z * math.sqrt(2 * math.pi))


def _quantile(mixture: Sequence[_Part], share: float) -> float:
    """The log duration that this share of the mixture stays below, by halving."""
    total = sum(part.weight for part in mixture)
    reach = _LOCATION_REACH * max(part.spread for part in mixture)
    low = min(part.location for part in mixture) - reach
    high = max(part.location for part in mixture) + reach
    # Worked out once, not at each halving.
    points = [(part.weight * 0.5, part.location, part.spread * math.sqrt(2)) for part in mixture]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _below(points, middle) < share * total:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _below(points: Sequence[tuple[float, float, float]], log: float) -> float:
    erfc = math.erfc
    return sum([half * erfc((location - log) / width) for half, location, width in points])
