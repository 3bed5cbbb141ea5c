"""Criterion D: the patient asks to talk about a booster, and the clinic hears it as that."""

from datetime import date

from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import Protocol
from app.clinical.reasons import Asked, Criterion


def criterion_d(asked_on: int | None, today: int, protocol: Protocol) -> tuple[Criterion, ...]:
    """Watch for 14 days from the day on which the patient last asked since the infusion."""
    if asked_on is None or today - asked_on >= protocol.asked_lasts_days:
        return ()
    on = date.fromordinal(asked_on)
    return (Criterion(CriterionName.PATIENT_ASKS, Level.WATCH, (Asked(on),), on),)
