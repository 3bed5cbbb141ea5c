"""What the rule is held against: simpler detectors, and the same rule knowing the truth (the limit).

A detector gives each check-in day a number; it raises on the first day on which that number reaches its
threshold. Only the days on which the number rose above all before it matter, so these are kept and any
threshold can be tried afterwards without running anything again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from math import inf
from typing import Final, NamedTuple

from app.clinical.check_ins import CheckInDay, check_in_day, days_of
from app.clinical.criterion_a_gain import each_day_shows_it, has_recent_days, may_consider
from app.clinical.criterion_c_domain import mood_considers
from app.clinical.domains import HIGHEST, LOWEST, MOOD, PerDomain
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reference import Reference, weights_of
from app.clinical.state.loss import loss_from
from app.clinical.state.patient_state import PatientState, advance, settled
from app.clinical.state.timeline import replay
from app.studies.simulated_patient import SimulatedPatient, Truth

EWMA_WEIGHT: Final = 0.2
MEAN_OF_DAYS: Final = 7
MEAN_LEAST_DAYS: Final = 3


class High(NamedTuple):
    """A day number on which a detector's number rose above all before it, and that number."""

    day: int
    value: float


Highs = tuple[High, ...]


def first_reached(highs: Highs, threshold: float) -> int | None:
    """The first day number on which the threshold was reached."""
    return next((high.day for high in highs if high.value >= threshold), None)


def highs_of(numbers: Iterable[tuple[int, float]]) -> Highs:
    """Only the days that rose above all before them."""
    highs: list[High] = []
    for day, value in numbers:
        if value > (highs[-1].value if highs else -inf):
            highs.append(High(day, value))
    return tuple(highs)


def mood_ewma(days: Iterable[CheckInDay], reference: Reference) -> Iterator[tuple[int, float]]:
    """Mood alone: how far below its reference, in standard deviations, as an EWMA with weight 0.2."""
    smoothed, usual = 0.0, reference.values.mood
    for one in days:
        if one.values.mood is not None and usual is not None:
            fallen = (usual - one.values.mood) / reference.spread.mood
            smoothed += EWMA_WEIGHT * (fallen - smoothed)
            yield one.day.toordinal(), smoothed


def seven_day_mean(days: Iterable[CheckInDay], reference: Reference) -> Iterator[tuple[int, float]]:
    """The share of the gain lost on the mean of the domains, as a mean of the last 7 days (3 at least)."""
    recent: list[tuple[int, float]] = []
    for one in days:
        fallen = gain = 0.0
        for value, usual, gained in zip(one.values, reference.values, reference.gains, strict=True):
            if value is not None and usual is not None and gained is not None and gained > 0:
                fallen += usual - value
                gain += gained
        if gain:
            today = one.day.toordinal()
            recent = [entry for entry in recent if today - entry[0] < MEAN_OF_DAYS]
            recent.append((today, fallen / gain))
            if len(recent) >= MEAN_LEAST_DAYS:
                yield today, sum(share for _, share in recent) / len(recent)


def cusum(days: Iterable[CheckInDay], reference: Reference) -> Iterator[tuple[int, float]]:
    """The cumulative sum for "all of the gain is lost", with the patient's estimated parameters.

    Each day adds its log-likelihood ratio, domains as independent and normal; the sum never falls
    below 0.
    """
    total = 0.0
    for one in days:
        for value, usual, gain, spread in zip(
            one.values, reference.values, reference.gains, reference.spread, strict=True
        ):
            if value is not None and usual is not None and gain is not None and gain > 0:
                total += gain * (usual - value - gain / 2) / spread**2
        total = max(0.0, total)
        yield one.day.toordinal(), total


SIMPLE_DETECTORS: Final[
    dict[str, Callable[[Iterable[CheckInDay], Reference], Iterator[tuple[int, float]]]]
] = {"mood-only EWMA": mood_ewma, "7-day mean": seven_day_mean, "CUSUM": cusum}
TRUE_PARAMETERS: Final = "same rule, true parameters"
DETECTORS: Final = (*SIMPLE_DETECTORS, TRUE_PARAMETERS)


def comparator_highs(one: SimulatedPatient, *, protocol: Protocol = STANDARD) -> dict[str, Highs]:
    """What every comparator saw in one patient, from the end of the reference window on.

    Empty when there is no reference: then none of them is run, like the rule itself.
    """
    started = _at_reference(one, protocol)
    if started is None:
        return dict.fromkeys(DETECTORS, ())
    state, position = started
    reference = state.reference
    if not isinstance(reference, Reference):
        raise TypeError
    later = days_of(one.patient.history.check_ins[position:])
    highs = {name: highs_of(detector(later, reference)) for name, detector in SIMPLE_DETECTORS.items()}
    highs[TRUE_PARAMETERS] = highs_of(_rule_knowing(one, state, reference, position, protocol))
    return highs


def with_truth(reference: Reference, truth: Truth, protocol: Protocol) -> Reference:
    """The reference as it truly is: level after induction, gain, spread, and the weights that follow."""
    gains = PerDomain[float | None](*truth.gain)
    after = tuple(map(sum, zip(truth.before, truth.gain, strict=True)))
    weights = weights_of(gains, truth.noise_sd, protocol)
    return replace(
        reference,
        values=PerDomain(*(min(float(HIGHEST), max(float(LOWEST), level)) for level in after)),
        gains=gains,
        rule_values=PerDomain(*(min(float(HIGHEST), max(float(LOWEST), level)) for level in after)),
        rule_gains=gains,
        assumed=PerDomain(False, False, False),
        assumes_baseline=False,
        spread=truth.noise_sd,
        weights=weights,
        mean_gain=sum(weight * gain for weight, gain in zip(weights, truth.gain, strict=True)),
        mean_rule_gain=sum(weight * gain for weight, gain in zip(weights, truth.gain, strict=True)),
    )


def _at_reference(one: SimulatedPatient, protocol: Protocol) -> tuple[PatientState, int] | None:
    """The state at the end of the window, and the place of the first check-in after it."""
    history = one.patient.history
    infused_at = max(infusion.given_at for infusion in history.infusions)
    state = replay(history, as_of=infused_at, protocol=protocol)
    for position, check_in in enumerate(history.check_ins):
        if check_in.recorded_at <= infused_at:
            continue
        day = check_in_day(check_in.recorded_at, check_in.time_zone).toordinal()
        state = settled(state, day, protocol)
        if isinstance(state.reference, Reference):
            return state, position
        state = advance(state, check_in, protocol=protocol) or state
    return None


def _rule_knowing(
    one: SimulatedPatient, state: PatientState, reference: Reference, position: int, protocol: Protocol
) -> Iterator[tuple[int, float]]:
    """S of each day on which the rule's other terms hold; without bound when mood alone says consider."""
    true = with_truth(reference, one.truth, protocol)
    start = state.loss.weighted.day if state.loss and state.loss.weighted else state.last_day
    fresh = PerDomain[tuple[int, ...]]((), (), ())
    loss = loss_from(true, day=start, days=fresh, protocol=protocol)
    state = state._replace(reference=true, loss_before=loss, loss=loss)
    for check_in in one.patient.history.check_ins[position:]:
        advanced = advance(state, check_in, protocol=protocol)
        if advanced is None:
            continue
        state = advanced
        number = _consider_number(state, true, protocol)
        if number is not None:
            yield state.last_day, number


def _consider_number(state: PatientState, reference: Reference, protocol: Protocol) -> float | None:
    loss, today, recent = state.loss, state.last_day, state.recent_days
    if loss is None:
        return None
    mood, track = loss.domains[MOOD], loss.weighted
    if protocol.generation > 1 and track is not None:
        recent = track.days
    if mood and mood_considers(mood, reference, today, recent, protocol):
        return inf
    if (
        track
        and each_day_shows_it(track, protocol)
        and may_consider(reference, protocol)
        and has_recent_days(track, today, recent, protocol)
    ):
        return track.smoothed
    return None


def day_reached(highs: Highs, threshold: float) -> date | None:
    """The first day on which the threshold was reached."""
    day = first_reached(highs, threshold)
    return None if day is None else date.fromordinal(day)
