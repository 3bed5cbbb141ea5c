"""How long this patient's benefit has lasted so far, and the days within which most benefits would end.

Shown to clinicians beside a signal ("past benefit lasted 24, 31, 29 days"); it decides nothing and is
never turned into a probability of relapse. A benefit that had not been lost when the next infusion came,
or has not been lost yet, is censored: it lasted at least that long.

The model: durations are log-normal, each patient with an own location and spread. The prior is the normal
inverse-gamma one around a median of 18 days: quartiles 11 and 27 (Murrough 2013 [seed 004]) are a spread of
0.67, and for the first benefit of somebody new the prior's is 0.5 * sqrt(1 + 1/weight) = 0.71. Observed
durations update it exactly; censored ones have no closed form, so location and spread are integrated over a
grid that is fixed by the data alone.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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
    """One stretch of benefit: from an infusion to its confirmed loss, or still well when last seen.

    `days` are whole days; with `lost` False the benefit lasted at least that long. Where they are known, the first
    day of its course, and the route and dose of the infusion that it began with.
    """

    from_day: date
    days: int
    lost: bool
    course_started_on: date | None = None
    route: Route | None = None
    dose_mg_per_kg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalInterval:
    """What this patient's benefits have lasted, and what to expect of the next, in whole days.

    `typical_days` is the middle of the expectation, `shortest_days` to `longest_days` the range that most
    benefits would fall in. With no benefit lost or outlasted yet all three are the population's
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
    told = [
        benefit
        for benefit in past
        if benefit.lost or benefit.days >= protocol.response_duration_shortest_days
    ]
    logs = sorted((math.log(max(b.days, protocol.response_duration_shortest_days)), b.lost) for b in told)
    mixture = _posterior(
        lost=[log for log, lost in logs if lost],
        outlasted=[log for log, lost in logs if not lost],
        protocol=protocol,
    )
    tail = (1 - protocol.response_duration_covered) / 2
    low, middle, high = (math.exp(_quantile(mixture, share)) for share in (tail, 0.5, 1 - tail))
    return PersonalInterval(
        past=tuple(sorted(past, key=lambda benefit: (benefit.from_day, benefit.days, benefit.lost))),
        typical_days=max(round(middle), protocol.response_duration_shortest_days),
        shortest_days=max(math.floor(low), protocol.response_duration_shortest_days),
        longest_days=math.ceil(high),
        population_only=not told,
    )


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


def _posterior(*, lost: Sequence[float], outlasted: Sequence[float], protocol: Protocol) -> tuple[_Part, ...]:
    """Weigh every location and spread by the prior, the lost benefits and the outlasted ones."""
    count = protocol.response_duration_weight + len(lost)
    location = (
        protocol.response_duration_weight * math.log(protocol.response_duration_median_days) + sum(lost)
    ) / count
    squares = _squares_after(lost, location, protocol)
    freedom = protocol.response_duration_spread_certainty + len(lost)
    logs: list[tuple[float, float, float]] = []
    # Under a plan many benefits are cut short at the same length: each length is worked out once.
    lengths = Counter(outlasted).items()
    for spread in _spreads(squares, freedom):
        of_spread = -freedom * math.log(spread) - squares / (2 * spread**2)
        precision = spread / math.sqrt(count)
        places, step = _locations(location, precision, outlasted, spread, count)
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
    location: float, precision: float, outlasted: Sequence[float], spread: float, count: float
) -> tuple[list[float], float]:
    """Locations to integrate over: around the lost benefits' one, and up past the longest outlasted."""
    low = location - _LOCATION_REACH * precision
    high = max([location, *outlasted]) + _LOCATION_REACH * precision
    finest = _LOCATION_STEP * spread / math.sqrt(count + len(outlasted))
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
