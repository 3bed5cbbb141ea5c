"""Criterion B: what validated totals say, in the words that all criteria share."""

from datetime import date

from app.clinical.criterion_b_scale import TotalsReason, TotalsSoFar, criterion_b_on
from app.clinical.protocol import Protocol
from app.clinical.reasons import Criterion, CriterionName, Level, Reason, ReasonCode
from app.clinical.state.patient_state import PatientState


def scale_relapse(state: PatientState, day: int, protocol: Protocol) -> tuple[Criterion, ...]:
    """Criterion B, one for each scale that has a relapse level and any total; see `relapse`.

    `day` is the day of now by the patient's clock.
    """
    if not state.totals or state.treatment.last_induction_at is None:
        return ()
    on = date.fromordinal(day)
    criteria = [
        _criterion(totals, on, protocol) for totals in state.totals if totals.scale.relapse is not None
    ]
    return tuple(criteria)


def _criterion(totals: TotalsSoFar, day: date, protocol: Protocol) -> Criterion:
    found = criterion_b_on(totals, day, protocol)
    reasons = [_reason(one, totals.scale.key) for one in found.reasons]
    crossed = found.totals.crossings if found.level > Level.STEADY else ()
    since = crossed[0].day if crossed else None
    return Criterion(CriterionName.SCALE_RELAPSE, found.level, tuple(reasons), since, totals.scale.key)


def _reason(one: TotalsReason, scale: str) -> Reason:
    facts = (
        ("code", one.code._value_),
        ("scale", scale),
        ("total", one.total),
        ("threshold", one.threshold),
        ("on", one.on),
        ("count", one.crossings),
        ("days", one.days),
    )
    return Reason(ReasonCode.TOTALS, facts)
