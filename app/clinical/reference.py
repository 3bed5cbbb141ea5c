"""The two levels that everything is measured against: before treatment, and after induction.

The reference never moves by itself. A slowly adapting one was measured and loses: it hides exactly what
is looked for. A domain counts by its own days: with too few before treatment its gain is assumed, with
too few after induction the domain is off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from math import sqrt
from typing import Final, NamedTuple

from app.clinical.check_ins import CheckInDay
from app.clinical.domains import NOTHING, PerDomain
from app.clinical.fast_enums import quick
from app.clinical.protocol import Protocol


@quick
class ReferenceKind(StrEnum):
    """How far a reference can be trusted."""

    MEASURED = "measured"
    CLINICIAN_SET = "clinician_set"
    ASSUMED_BASELINE = "assumed_baseline"
    FALLING = "falling"
    NONE = "none"


@quick
class NoReferenceBecause(StrEnum):
    """Why there is no reference: not yet, or not at all."""

    NOT_TREATED = "not_treated"
    NO_INDUCTION_INFUSION = "no_induction_infusion"
    INDUCTION_RUNNING = "induction_running"
    WINDOW_OPEN = "window_open"
    TOO_FEW_DAYS = "too_few_days"
    BOOSTER_CLOSED_WINDOW = "booster_closed_window"
    TAKEN_ON_AWAITING_REFERENCE = "taken_on_awaiting_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Mean per domain of the check-in days before the first infusion; None with fewer than 3 of its own.

    `squares` are the sums of squared distances from that mean, for the spread; `n_days` counts the days
    with any domain; `sleep_hours` are the hours that were reported.
    """

    values: PerDomain[float | None]
    days: PerDomain[int]
    squares: PerDomain[float]
    n_days: int
    from_day: date | None
    to_day: date | None
    sleep_hours: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How the patient was after induction, and what there is to lose.

    Attributes:
        values: mean report per domain; None where the domain is off for having too few days.
        days: the days behind each value; `n_days` counts the days with any domain.
        gains: reference - baseline, in points, as measured; None where the domain is off.
        assumed: whether the gain is assumed, because the baseline has too few days.
        spread: within-person standard deviation in points.
        rule_values, rule_gains: what the rule compares with: both moved a little towards what patients
            usually report, the more the fewer the days. In rule 1.0 they are the measured ones.
        weights: the share of each domain in the decision; they sum to 1, or to 0 with no gain at all.
        mean_gain: the measured gains weighted by these, in points; `mean_rule_gain` the moved ones.
        falling: loss began inside the window, so the reference is its first half.
        assumes_baseline: whether any domain that carries weight has an assumed gain.
        chosen: a clinician named its window.
    """

    values: PerDomain[float | None]
    days: PerDomain[int]
    gains: PerDomain[float | None]
    assumed: PerDomain[bool]
    spread: PerDomain[float]
    rule_values: PerDomain[float | None]
    rule_gains: PerDomain[float | None]
    weights: PerDomain[float]
    mean_gain: float
    mean_rule_gain: float
    n_days: int
    from_day: date
    to_day: date
    falling: bool
    assumes_baseline: bool
    baseline: Baseline
    chosen: bool = False
    sleep_hours: tuple[float, ...] = ()

    @property
    def kind(self) -> ReferenceKind:
        """How far it can be trusted; who chose it is said first, then falling, then assumed."""
        if self.chosen:
            return ReferenceKind.CLINICIAN_SET
        if self.falling:
            return ReferenceKind.FALLING
        return ReferenceKind.ASSUMED_BASELINE if self.assumes_baseline else ReferenceKind.MEASURED


class NoReference(NamedTuple):
    """Why there is no reference, with the days so far and the last day that could still make one.

    Of a patient who was taken on in maintenance it says when, and the days that are proposed as the reference,
    first and last included, once there are enough.
    """

    because: NoReferenceBecause
    n_days: int = 0
    days_needed: int = 0
    until: date | None = None
    taken_on_at: date | None = None
    proposed_from: date | None = None
    proposed_to: date | None = None

    @property
    def kind(self) -> ReferenceKind:
        """Always `none`, so that both answers can be asked the same question."""
        return ReferenceKind.NONE


NO_BASELINE: Final = Baseline(
    values=NOTHING,
    days=PerDomain(0, 0, 0),
    squares=PerDomain(0.0, 0.0, 0.0),
    n_days=0,
    from_day=None,
    to_day=None,
)


def usual_sleep_hours(reference: Reference | None, baseline: Baseline | None, protocol: Protocol) -> float:
    """The median of the hours reported in both windows; 7 where none were."""
    before = baseline.sleep_hours if baseline else ()
    hours = sorted((*before, *(reference.sleep_hours if reference else ())))
    if not hours:
        return protocol.usual_sleep_hours
    middle = len(hours) // 2
    return hours[middle] if len(hours) % 2 else (hours[middle - 1] + hours[middle]) / 2


def baseline_of(days: Sequence[CheckInDay], *, first_infusion_on: date, protocol: Protocol) -> Baseline:
    """Mean per domain of the check-in days in the 28 days before the first infusion, with at least 3.

    Args:
        days: check-in days in order; a morning report on the day of the infusion itself still counts.
        first_infusion_on: the day of the first infusion.
        protocol: the numbers.
    """
    earliest = first_infusion_on - timedelta(days=protocol.baseline_days_before)
    before = [one for one in days if earliest <= one.day <= first_infusion_on]
    if not before:
        return NO_BASELINE
    mood, energy, sleep = (_summary(reports) for reports in _by_domain(before))
    least = protocol.baseline_least_days
    return Baseline(
        values=PerDomain(*(one.mean if one.n >= least else None for one in (mood, energy, sleep))),
        days=PerDomain(mood.n, energy.n, sleep.n),
        squares=PerDomain(mood.squares, energy.squares, sleep.squares),
        n_days=len(before),
        from_day=before[0].day,
        to_day=before[-1].day,
        sleep_hours=_hours(before),
    )


def window_end(days: Sequence[CheckInDay], *, day_zero: date, protocol: Protocol) -> date | None:
    """The day at whose end the reference is fixed, as far as these days show; None when none is in sight.

    Day 8 when a domain was answered on 4 days by then; else the day on which a domain first reaches 4,
    until day 15. (With all domains answered each time this is "the end of the 4th answered day".)
    """
    counts = [0, 0, 0]
    for one in days:
        offset = (one.day - day_zero).days
        if not protocol.window_first_day <= offset <= protocol.window_latest_day:
            continue
        for index, value in enumerate(one.values):
            counts[index] += value is not None
        if max(counts) >= protocol.window_least_days:
            return day_zero + timedelta(days=max(offset, protocol.window_last_day))
    return None


def window_closed(
    days: Sequence[CheckInDay],
    *,
    day_zero: date,
    before: int,
    protocol: Protocol,
    by_booster: bool = False,
) -> date | NoReferenceBecause | None:
    """When the reference window closes, and with what; None while it is open.

    The reference is fixed at the end of day 8, else at the end of the 4th answered day; after day 15 there will
    be none. A booster closes the window: the reference comes from the days there are, if they are enough.

    Args:
        days: the check-in days so far, in order.
        day_zero: the day of the last induction infusion.
        before: the day number of now; what ended before it is settled.
        protocol: the numbers.
        by_booster: whether a booster was given now.
    """
    end = window_end(days, day_zero=day_zero, protocol=protocol)
    latest = day_zero + timedelta(days=protocol.window_latest_day)
    if by_booster:
        return NoReferenceBecause.BOOSTER_CLOSED_WINDOW if end is None else latest
    if end is not None and before > end.toordinal():
        return end
    return NoReferenceBecause.TOO_FEW_DAYS if before > latest.toordinal() else None


def window_days(
    days: Sequence[CheckInDay], *, day_zero: date, until: date, protocol: Protocol
) -> tuple[CheckInDay, ...]:
    """The check-in days from day 1 to `until`, both included."""
    earliest = day_zero + timedelta(days=protocol.window_first_day)
    return tuple(one for one in days if earliest <= one.day <= until)


def establish(window: Sequence[CheckInDay], baseline: Baseline, *, protocol: Protocol) -> Reference | None:
    """The reference from the days of its window, or None when no domain has 4 days of its own.

    When the mean of the window's last days lies half the gain below that of its first (weighted over the
    domains), loss began inside it: the reference is the first half, marked falling.
    """
    counts = [_summary(reports).n for reports in _by_domain(window)]
    on = PerDomain(*(count >= protocol.window_least_days for count in counts))
    whole = _reference(window, baseline, on=on, falling=False, protocol=protocol)
    if whole is None:
        return None
    middle = (len(window) + 1) // 2
    first = _reference(window[:middle], baseline, on=on, falling=True, protocol=protocol)
    if first is None or _share_fallen(first, whole, window[middle:]) < protocol.falling_share:
        return whole
    return first


def establish_chosen(
    window: Sequence[CheckInDay], baseline: Baseline, *, protocol: Protocol
) -> Reference | None:
    """The reference from a window that a clinician named: as it is, with as many days as any other needs."""
    counts = [_summary(reports).n for reports in _by_domain(window)]
    on = PerDomain(*(count >= protocol.window_least_days for count in counts))
    found = _reference(window, baseline, on=on, falling=False, protocol=protocol)
    return None if found is None else replace(found, chosen=True)


def is_stable_period(
    window: Sequence[CheckInDay], *, from_day: date, to_day: date, protocol: Protocol
) -> bool:
    """Whether days can stand for the window after induction: 7 check-in days or more in at least 10 days."""
    span = (to_day - from_day).days + 1
    return len(window) >= protocol.taken_on_least_days and span >= protocol.taken_on_span_days


def proposed_period(
    days: Sequence[CheckInDay], *, before: date, protocol: Protocol
) -> tuple[CheckInDay, ...]:
    """The first 14 days in which a stable period can be named, as far as they were over; none is empty.

    The first, so that a proposal stays what it is until someone decides on it. (The best of all would grow with
    every lucky week, and a loss be measured from luck.)
    """
    for place, first in enumerate(days):
        last_day = first.day + timedelta(days=protocol.taken_on_proposed_days - 1)
        if last_day >= before:
            return ()
        inside = tuple(one for one in days[place:] if one.day <= last_day)
        if is_stable_period(inside, from_day=first.day, to_day=inside[-1].day, protocol=protocol):
            return inside
    return ()


def _share_fallen(first: Reference, whole: Reference, last_days: Sequence[CheckInDay]) -> float:
    """How much of the gain lies between the window's halves, weighted over domains that have both."""
    lost = total = 0.0
    halves = zip(
        first.values, first.rule_gains, first.weights, whole.values, _by_domain(last_days), strict=True
    )
    for value, gain, weight, on, reports in halves:
        last = _summary(reports)
        if value is None or gain is None or on is None or not weight or not last.n:
            continue
        lost += weight * (value - last.mean) / gain
        total += weight
    return lost / total if total else 0.0


def _reference(
    window: Sequence[CheckInDay],
    baseline: Baseline,
    *,
    on: PerDomain[bool],
    falling: bool,
    protocol: Protocol,
) -> Reference | None:
    summaries = [_summary(reports) for reports in _by_domain(window)]
    values = PerDomain(
        *(one.mean if one.n and counts else None for one, counts in zip(summaries, on, strict=True))
    )
    if not window or all(value is None for value in values):
        return None
    gains = _gains(values, baseline, protocol)
    spread = _spread(summaries, baseline, protocol)
    rule_values, rule_gains = _moved(values, gains, summaries, baseline, spread, protocol)
    weights = weights_of(rule_gains, spread, protocol)
    assumed = PerDomain(
        *(on is not None and before is None for on, before in zip(values, baseline.values, strict=True))
    )
    return Reference(
        values=values,
        days=PerDomain(*(one.n for one in summaries)),
        gains=gains,
        assumed=assumed,
        spread=spread,
        rule_values=rule_values,
        rule_gains=rule_gains,
        weights=weights,
        mean_gain=sum(weight * (gain or 0.0) for weight, gain in zip(weights, gains, strict=True)),
        mean_rule_gain=sum(weight * (gain or 0.0) for weight, gain in zip(weights, rule_gains, strict=True)),
        n_days=len(window),
        from_day=window[0].day,
        to_day=window[-1].day,
        falling=falling,
        assumes_baseline=any(one and weight > 0 for one, weight in zip(assumed, weights, strict=True)),
        baseline=baseline,
        sleep_hours=_hours(window),
    )


def _moved(
    values: PerDomain[float | None],
    gains: PerDomain[float | None],
    summaries: Sequence["_Summary"],
    baseline: Baseline,
    spread: PerDomain[float],
    protocol: Protocol,
) -> tuple[PerDomain[float | None], PerDomain[float | None]]:
    """The reference and gain that the rule uses: moved towards the usual gain, as far as few days say little.

    With v the variance of each mean (a spread squared over its days, times 1.6 because neighboring days are
    alike) and d the measured gain: gain = 2.5 + (d - 2.5)·k and reference = mean - (d - 2.5)·v/1.5²·k, where
    k = 1.5²/(1.5² + v of both means). So 2.5 ± 1.5 points is what patients usually gain.
    """
    if protocol.generation == 1:
        return values, gains
    usual, between = protocol.usual_gain, protocol.usual_gain_sd**2
    moved_values: list[float | None] = []
    moved_gains: list[float | None] = []
    for index, value in enumerate(values):
        if value is None:
            moved_values.append(None)
            moved_gains.append(None)
            continue
        before = baseline.values[index]
        own = protocol.neighbors_alike * spread[index] ** 2
        after_variance = own / summaries[index].n
        if before is None:
            before, before_variance = protocol.usual_before, protocol.usual_before_sd**2
        else:
            before_variance = own / baseline.days[index]
        distance = (value - before - usual) / (between + after_variance + before_variance)
        moved_gains.append(usual + distance * between)
        moved_values.append(value - distance * after_variance)
    return PerDomain(*moved_values), PerDomain(*moved_gains)


def _hours(days: Sequence[CheckInDay]) -> tuple[float, ...]:
    return tuple(one.sleep_hours for one in days if one.sleep_hours is not None)


def _gains(
    values: PerDomain[float | None], baseline: Baseline, protocol: Protocol
) -> PerDomain[float | None]:
    """Reference - baseline; without a baseline the assumed gain, never more than the reference itself."""
    assumed = (
        protocol.assumed_gain_mood,
        protocol.assumed_gain_energy,
        protocol.assumed_gain_sleep_quality,
    )
    return PerDomain(
        *(
            None if value is None else min(gain, value) if before is None else value - before
            for value, before, gain in zip(values, baseline.values, assumed, strict=True)
        )
    )


def _spread(summaries: Sequence["_Summary"], baseline: Baseline, protocol: Protocol) -> PerDomain[float]:
    """Within-person SD pooled over both windows with a prior of 8 degrees of freedom, at least 0.5."""
    priors = (protocol.prior_sd_mood, protocol.prior_sd_energy, protocol.prior_sd_sleep_quality)
    spread = []
    for index, prior in enumerate(priors):
        squares = protocol.prior_degrees * prior * prior
        degrees = protocol.prior_degrees
        for n, own in (
            (summaries[index].n, summaries[index].squares),
            (baseline.days[index] if baseline.values[index] is not None else 0, baseline.squares[index]),
        ):
            if n > 1:
                squares += own
                degrees += n - 1
        spread.append(max(sqrt(squares / degrees), protocol.sd_floor))
    return PerDomain(*spread)


def spread_before(baseline: Baseline, protocol: Protocol) -> PerDomain[float]:
    """The spread while there is no reference: the baseline's own, pooled with the same prior."""
    return _spread([_summary(())] * len(baseline.values), baseline, protocol)


def weights_of(
    gains: PerDomain[float | None], spread: PerDomain[float], protocol: Protocol
) -> PerDomain[float]:
    """How much each domain says about loss: vᵢ ∝ uᵢ·gainᵢ/SDᵢ with u = C⁻¹(gain/SD).

    C holds the correlations between domains of one day. Domains without a gain are removed first,
    negative u are cut at 0: a domain that never improved cannot lose anything.
    """
    on = [index for index, gain in enumerate(gains) if gain is not None and gain > 0]
    between = {
        (0, 1): protocol.correlation_mood_energy,
        (0, 2): protocol.correlation_mood_sleep,
        (1, 2): protocol.correlation_energy_sleep,
    }
    distances = [(gains[index] or 0.0) / spread[index] for index in on]
    rows = [
        [1.0 if a == b else between[min(a, b), max(a, b)] for b in on] + [distance]
        for a, distance in zip(on, distances, strict=True)
    ]
    weighed = [max(u, 0.0) * d for u, d in zip(_solved(rows), distances, strict=True)]
    total = sum(weighed)
    weights = [0.0, 0.0, 0.0]
    for index, one in zip(on, weighed, strict=True):
        weights[index] = one / total
    return PerDomain(*weights)


def _solved(rows: list[list[float]]) -> list[float]:
    """The solution of a small linear system given as rows with the right side last (Gauss-Jordan)."""
    for pivot, row in enumerate(rows):
        row[:] = [value / row[pivot] for value in row]
        for other in rows:
            if other is not row:
                factor = other[pivot]
                other[:] = [value - factor * own for value, own in zip(other, row, strict=True)]
    return [row[-1] for row in rows]


@dataclass(frozen=True, slots=True)
class _Summary:
    """The count, mean and sum of squared distances of one domain's reports."""

    n: int
    mean: float
    squares: float


def _summary(reports: Sequence[float | None]) -> _Summary:
    values = [value for value in reports if value is not None]
    if not values:
        return _Summary(0, 0.0, 0.0)
    mean = sum(values) / len(values)
    return _Summary(len(values), mean, sum((value - mean) ** 2 for value in values))


def _by_domain(days: Sequence[CheckInDay]) -> list[list[float | None]]:
    return [[one.values[index] for one in days] for index in range(3)]
