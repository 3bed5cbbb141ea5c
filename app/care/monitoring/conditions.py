"""What the clinic is told of beside signals, once while it lasts: never phrased as "consider booster"."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.care.alerts.episodes import Told
from app.clinical.evaluation import Evaluation
from app.clinical.reasons import CriterionName
from app.clinical.reference import NoReference, NoReferenceBecause
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage.engine.unit_of_work import UnitOfWork

# Reasons after which no reference will come by itself.
_FINAL: Final = frozenset({NoReferenceBecause.TOO_FEW_DAYS, NoReferenceBecause.BOOSTER_CLOSED_WINDOW})


def conditions_of(evaluation: Evaluation) -> frozenset[EventType]:
    """Say which of these hold: the patient asked, is worse than before, or will have no reference."""
    holding = set()
    if any(criterion.name is CriterionName.PATIENT_ASKS for criterion in evaluation.criteria):
        holding.add(EventType.PATIENT_ASKED_ABOUT_BOOSTER)
    if evaluation.worse_than_before:
        holding.add(EventType.PATIENT_WORSE_THAN_BEFORE)
    reference = evaluation.reference
    if isinstance(reference, NoReference) and reference.because in _FINAL:
        holding.add(EventType.REFERENCE_NOT_ESTABLISHED)
    return frozenset(holding)


async def tell_conditions(
    work: UnitOfWork, told: Told, *, before: Sequence[str], holding: Sequence[str], now: datetime
) -> None:
    """Tell of each condition that holds now and did not before."""
    for condition in holding:
        if condition not in before:
            about = About(
                patient_id=told.patient_id,
                mode=told.mode,
                subject="patient",
                subject_id=told.patient_id,
                url=f"{told.public_url}/v1/patients/{told.patient_id}/evaluation",
            )
            await notify_of_patient(work, EventType(condition), about, now=now)
