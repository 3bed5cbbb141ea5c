"""A `PatientState` as small plain JSON and back: on the path of every check-in, so lists and no names.

The format has a number. A state written in another one reads as None, and the caller remembers from
scratch; nothing is ever guessed.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from app.clinical.check_ins import CheckInDay
from app.clinical.criterion_b_scale import CrossingThreshold, TotalsCode, TotalsSoFar
from app.clinical.domains import PerDomain
from app.clinical.ewma import Ewma
from app.clinical.reference import Baseline, NoReference, NoReferenceBecause, Reference
from app.clinical.scales import STANDARD_SCALES, AssessmentTotal, Scale
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import DaySoFar, PatientState, Treatment

FORMAT: Final = 4
Plain = dict[str, Any]
Row = list[Any]


def to_plain(state: PatientState) -> Plain:
    """The state as JSON values."""
    treatment, today, reference = state.treatment, state.open_day, state.reference
    return {
        "format": FORMAT,
        "zone": state.time_zone,
        "treatment": [
            treatment.first_at,
            treatment.first_day,
            treatment.last_induction_at,
            treatment.day_zero,
            treatment.last_at,
            treatment.last_day,
            treatment.last_is_booster,
            treatment.induction_over,
            treatment.course_closed,
            treatment.recent_days,
            treatment.course_at,
            treatment.total,
            treatment.response_durations,
        ],
        "baseline": None if state.baseline is None else _baseline_row(state.baseline),
        "days": [(one.day.toordinal(), *one.values) for one in state.days],
        "today": None if today is None else (today.day, *today.sums, *today.counts),
        "reference": _reference_row(reference) if isinstance(reference, Reference) else None,
        "no_reference": _missing_row(reference) if isinstance(reference, NoReference) else None,
        "before": state.loss_before,
        "now": state.loss,
        "recent": state.recent_days,
        "last": (state.last_at, state.last_day, state.last_id, state.asked_on),
        "totals": [_totals_row(totals) for totals in state.totals],
    }


def from_plain(plain: Plain) -> PatientState | None:
    """The state from JSON values; None when they are in a format that this version does not know."""
    if plain.get("format") != FORMAT:
        return None
    baseline = None if plain["baseline"] is None else _baseline(plain["baseline"])
    today = plain["today"]
    last_at, last_day, last_id, asked_on = plain["last"]
    reference: Reference | NoReference | None = None
    if plain["reference"] is not None and baseline is not None:
        reference = _reference(plain["reference"], baseline)
    elif plain["no_reference"] is not None:
        reference = _missing(plain["no_reference"])
    return PatientState(
        plain["zone"],
        _treatment(plain["treatment"]),
        baseline,
        tuple(CheckInDay(day=date.fromordinal(row[0]), values=PerDomain(*row[1:])) for row in plain["days"]),
        None if today is None else DaySoFar(today[0], PerDomain(*today[1:4]), PerDomain(*today[4:])),
        reference,
        None if plain["before"] is None else _loss(plain["before"]),
        None if plain["now"] is None else _loss(plain["now"]),
        tuple(plain["recent"]),
        last_at,
        last_day,
        last_id,
        asked_on,
        tuple(_totals(row) for row in plain["totals"]),
    )


def _treatment(row: Row) -> Treatment:
    return Treatment(
        first_at=row[0],
        first_day=row[1],
        last_induction_at=row[2],
        day_zero=row[3],
        last_at=row[4],
        last_day=row[5],
        last_is_booster=row[6],
        induction_over=row[7],
        course_closed=row[8],
        recent_days=tuple(row[9]),
        course_at=tuple(row[10]),
        total=row[11],
        response_durations=tuple(row[12]),
    )


def _track(row: Row | None) -> Ewma | None:
    if row is None:
        return None
    day, share, share_before, smoothed, smoothed_before, rate, days, low_days, since = row
    return Ewma(day, share, share_before, smoothed, smoothed_before, rate, tuple(days), low_days, since)


def _loss(row: Row) -> Loss:
    weighted, (mood, energy, sleep), reports, levels, considered_on, by_mood, steady_on = row
    return Loss(
        _track(weighted),
        PerDomain(_track(mood), _track(energy), _track(sleep)),
        PerDomain(*reports),
        PerDomain(*levels),
        considered_on,
        by_mood,
        steady_on,
    )


def _number_of(day: date | None) -> int | None:
    return None if day is None else day.toordinal()


def _day_of(number: int | None) -> date | None:
    return None if number is None else date.fromordinal(number)


def _baseline_row(one: Baseline) -> Row:
    span = (_number_of(one.from_day), _number_of(one.to_day))
    return [one.values, one.days, one.squares, one.n_days, *span]


def _baseline(row: Row) -> Baseline:
    values, days, squares, n_days, from_day, to_day = row
    return Baseline(
        values=PerDomain(*values),
        days=PerDomain(*days),
        squares=PerDomain(*squares),
        n_days=n_days,
        from_day=_day_of(from_day),
        to_day=_day_of(to_day),
    )


def _reference_row(one: Reference) -> Row:
    """Without its baseline, which the state holds already."""
    return [
        one.values,
        one.days,
        one.gains,
        one.assumed,
        one.spread,
        one.weights,
        one.mean_gain,
        one.n_days,
        one.from_day.toordinal(),
        one.to_day.toordinal(),
        one.falling,
        one.assumes_baseline,
        one.chosen,
    ]


def _reference(row: Row, baseline: Baseline) -> Reference:
    return Reference(
        values=PerDomain(*row[0]),
        days=PerDomain(*row[1]),
        gains=PerDomain(*row[2]),
        assumed=PerDomain(*row[3]),
        spread=PerDomain(*row[4]),
        weights=PerDomain(*row[5]),
        mean_gain=row[6],
        n_days=row[7],
        from_day=date.fromordinal(row[8]),
        to_day=date.fromordinal(row[9]),
        falling=row[10],
        assumes_baseline=row[11],
        chosen=row[12],
        baseline=baseline,
    )


def _missing_row(one: NoReference) -> Row:
    return [one.because.value, one.n_days, one.days_needed, _number_of(one.until)]


def _missing(row: Row) -> NoReference:
    because, n_days, days_needed, until = row
    return NoReference(
        because=NoReferenceBecause(because), n_days=n_days, days_needed=days_needed, until=_day_of(until)
    )


def _totals_row(totals: TotalsSoFar) -> Row:
    threshold = totals.threshold
    return [
        totals.scale.key,
        _own_levels(totals.scale),
        _total_row(totals.last),
        _total_row(totals.baseline),
        _total_row(totals.reference),
        totals.missing,
        _number_of(totals.awaited_until),
        None if threshold is None else (threshold.total, threshold.relapse_level, threshold.half_way_back),
        _total_row(totals.latest),
        [_total_row(one) for one in totals.crossings],
    ]


def _totals(row: Row) -> TotalsSoFar:
    key, own, last, baseline, reference, missing, awaited_until, threshold, latest, crossings = row
    return TotalsSoFar(
        scale=_scale(key, own),
        last=_total(last),
        baseline=_total(baseline),
        reference=_total(reference),
        missing=None if missing is None else TotalsCode(missing),
        awaited_until=_day_of(awaited_until),
        threshold=None
        if threshold is None
        else CrossingThreshold(total=threshold[0], relapse_level=threshold[1], half_way_back=threshold[2]),
        latest=_total(latest),
        crossings=tuple(AssessmentTotal(datetime.fromisoformat(at), total) for at, total in crossings),
    )


def _total_row(one: AssessmentTotal | None) -> Row | None:
    return None if one is None else [one.taken_at.isoformat(), one.total]


def _total(row: Row | None) -> AssessmentTotal | None:
    return None if row is None else AssessmentTotal(datetime.fromisoformat(row[0]), row[1])


def _own_levels(scale: Scale) -> Row:
    """What a clinic has set: levels of a scale that we know, everything of one of its own."""
    known = STANDARD_SCALES.get(scale.key)
    own: Row = [] if scale == known else [scale.remission, scale.relapse, scale.days_apart]
    if known is None:
        own += [scale.name, scale.minimum, scale.maximum, scale.higher_is_better]
    return own


def _scale(key: str, own: Row) -> Scale:
    known = STANDARD_SCALES.get(key)
    if known is not None:
        return replace(known, remission=own[0], relapse=own[1], days_apart=own[2]) if own else known
    remission, relapse, days_apart, name, minimum, maximum, higher_is_better = own
    return Scale(
        key=key,
        name=name,
        minimum=minimum,
        maximum=maximum,
        higher_is_better=higher_is_better,
        remission=remission,
        relapse=relapse,
        days_apart=days_apart,
    )
