"""The answer: what a patient's reports say as of a moment, with coded reasons and every number used.

`evaluate_history` works from a whole history. Where each check-in must cost a step only, keep the `PatientState`:
`advance` it with the check-in and `evaluate` it. Both ways give the same answer, always.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from app.clinical.answer import DataQuality, Evaluation, Exposure, LastTotal, exposure_on
from app.clinical.check_in_criteria import gain_lost, gain_lost_missing, one_domain, patient_asks
from app.clinical.check_ins import day_number
from app.clinical.domains import NOTHING, PerDomain
from app.clinical.findings import worse_than_before
from app.clinical.history import History, ScaleTotals
from app.clinical.notes import notes_on, suppressed_by
from app.clinical.protocol import RULE, STANDARD, Protocol
from app.clinical.reasons import Criterion, CriterionName, Level, worst_level
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, window_days
from app.clinical.scale_criteria import scale_relapse
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import PatientState, advance, known_days, settled
from app.clinical.state.timeline import Crossing, Timeline, crossings, replay, timeline_after, timeline_of
from app.clinical.thresholds import consider_threshold

__all__ = [
    "Crossing",
    "DataQuality",
    "Evaluation",
    "Exposure",
    "History",
    "LastTotal",
    "PatientState",
    "ScaleTotals",
    "Timeline",
    "advance",
    "crossings",
    "evaluate",
    "evaluate_history",
    "replay",
    "timeline_after",
    "timeline_of",
]

_UNSTEADY: Final = (Level.WATCH, Level.CONSIDER_BOOSTER)


def evaluate_history(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a whole history. The order of its parts has no effect, nor has anything later."""
    state = replay(history, as_of=as_of, protocol=protocol)
    return evaluate(state, as_of=as_of, protocol=protocol)


def evaluate(state: PatientState, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a state, which must not know anything later than `as_of`."""
    day = day_number(as_of, state.time_zone)
    today = max(day, state.last_day)
    state = settled(state, today, protocol)
    reference, loss = _reference_now(state, today, protocol), state.loss
    asks = _patient_asks(state, today, protocol)
    if isinstance(reference, NoReference) or loss is None:
        missing = reference if isinstance(reference, NoReference) else _not_treated()
        criteria = (gain_lost_missing(missing), *_scales(state, missing, day, protocol), *asks)
        return _answer(state, as_of, today, criteria, missing, None, protocol)
    criteria = (
        gain_lost(loss.weighted, reference, today, state.recent_days, protocol),
        *one_domain(loss, reference, today, state.recent_days, protocol),
        *scale_relapse(state, day, protocol),
        *asks,
    )
    return _answer(state, as_of, today, criteria, reference, loss, protocol)


def _answer(
    state: PatientState,
    as_of: datetime,
    today: int,
    criteria: tuple[Criterion, ...],
    reference: Reference | NoReference,
    loss: Loss | None,
    protocol: Protocol,
) -> Evaluation:
    level = worst_level(criteria)
    day = date.fromordinal(today)
    known = reference if isinstance(reference, Reference) else None
    mood, energy, sleep = loss.domains if loss else (None, None, None)
    weighted = loss.weighted if loss else None
    return Evaluation(
        as_of=as_of,
        day=day,
        time_zone=state.time_zone,
        level=level,
        criteria=criteria,
        notes=notes_on(state, criteria, level, known, loss, today, protocol) if known and loss else (),
        suppressed_by=suppressed_by(state, criteria, level, reference, as_of, today, protocol),
        reports=loss.reports if loss else NOTHING,
        share_lost=PerDomain(
            mood.share if mood else None, energy.share if energy else None, sleep.share if sleep else None
        ),
        smoothed_share=PerDomain(
            mood.smoothed if mood else None,
            energy.smoothed if energy else None,
            sleep.smoothed if sleep else None,
        ),
        smoothed_level=loss.levels if loss else NOTHING,
        weighted=weighted.share if weighted else None,
        smoothed=weighted.smoothed if weighted else None,
        threshold=consider_threshold(known, protocol) if known else None,
        reference=reference,
        baseline=state.baseline,
        data_quality=_data_quality(state, day, protocol),
        exposure=_exposure(state, today),
        last_totals=_last_totals(state),
        worse_than_before=(
            worse_than_before(loss, known, today, state.recent_days, protocol) if known and loss else ()
        ),
        unsteady_since=_unsteady_since(criteria, day) if level in _UNSTEADY else None,
        steady_on=date.fromordinal(loss.steady_on) if loss and loss.steady_on is not None else None,
        rule=RULE,
        version=protocol.version,
    )


def _reference_now(state: PatientState, today: int, protocol: Protocol) -> Reference | NoReference:
    """The reference, or the reason why there is none now; none holds while induction is running."""
    treatment = state.treatment
    if treatment.first_day is None:
        return _not_treated()
    if treatment.day_zero is None or treatment.induction_over is None:
        return NoReference(because=NoReferenceBecause.NO_INDUCTION_INFUSION)
    if today < treatment.induction_over:
        until = date.fromordinal(treatment.induction_over)
        return NoReference(because=NoReferenceBecause.INDUCTION_RUNNING, until=until)
    if state.reference is not None:
        return state.reference
    zero = date.fromordinal(treatment.day_zero)
    until = date.fromordinal(treatment.day_zero + protocol.window_latest_day)
    window = window_days(known_days(state), day_zero=zero, until=until, protocol=protocol)
    return NoReference(
        because=NoReferenceBecause.WINDOW_OPEN,
        n_days=len(window),
        days_needed=protocol.window_least_days,
        until=until,
    )


def _not_treated() -> NoReference:
    return NoReference(because=NoReferenceBecause.NOT_TREATED)


def _scales(state: PatientState, missing: NoReference, day: int, protocol: Protocol) -> tuple[Criterion, ...]:
    """Scales speak without check-ins, but not while induction is running."""
    running = missing.because is NoReferenceBecause.INDUCTION_RUNNING
    return () if running else scale_relapse(state, day, protocol)


def _patient_asks(state: PatientState, today: int, protocol: Protocol) -> tuple[Criterion, ...]:
    if state.asked_on is None:
        return ()
    criterion = patient_asks(state.asked_on, today, protocol)
    return () if criterion is None else (criterion,)


def _unsteady_since(criteria: Sequence[Criterion], day: date) -> date | None:
    """The earliest day on which a measured criterion left steady; a wish to talk is no measurement."""
    left = [
        criterion.since or day
        for criterion in criteria
        if criterion.level in _UNSTEADY and criterion.name is not CriterionName.PATIENT_ASKS
    ]
    return min(left) if left else None


def _data_quality(state: PatientState, day: date, protocol: Protocol) -> DataQuality:
    at = state.last_at
    return DataQuality(
        day,
        state.recent_days,
        None if at is None else datetime.fromtimestamp(at, UTC),
        date.fromordinal(state.recent_days[-1]) if state.recent_days else None,
        protocol.gaps_counted,
    )


def _exposure(state: PatientState, today: int) -> Exposure:
    treatment = state.treatment
    return exposure_on(
        treatment.recent_days, today, total=treatment.total, response_durations=treatment.response_durations
    )


def _last_totals(state: PatientState) -> tuple[LastTotal, ...]:
    return tuple(
        LastTotal(totals.scale.key, totals.last.day, totals.last.total)
        for totals in state.totals
        if totals.last is not None
    )
