"""What the clinic is notified of beside signals, once while it lasts: never phrased as "consider booster"."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from app.care.alerts.findings.codes import FindingCode
from app.care.alerts.findings.commands import end_findings, raise_finding
from app.care.monitoring.kept_findings import is_mark
from app.clinical.evaluation import Evaluation
from app.clinical.levels import CriterionName
from app.clinical.reference import NoReference, NoReferenceBecause
from app.context import Work
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient

# What stays on the worklist while it holds. What the patient asked is no condition: it came with a report.
_FINDINGS: Final[Mapping[EventType, FindingCode]] = {
    EventType.REFERENCE_NOT_ESTABLISHED: FindingCode.NO_REFERENCE,
    EventType.INDUCTION_REVIEW_DUE: FindingCode.REVIEW_DUE,
}
# Reasons after which no reference will come by itself.
_FINAL: Final = frozenset({NoReferenceBecause.TOO_FEW_DAYS, NoReferenceBecause.BOOSTER_CLOSED_WINDOW})


def conditions_of(evaluation: Evaluation) -> frozenset[EventType]:
    """Say which hold: the patient asked, is worse than before, or has no reference unless a clinician decides."""
    holding = set()
    if any(criterion.name is CriterionName.PATIENT_ASKS for criterion in evaluation.criteria):
        holding.add(EventType.PATIENT_ASKED_ABOUT_BOOSTER)
    if evaluation.worse_than_before:
        holding.add(EventType.PATIENT_WORSE_THAN_BEFORE)
    reference = evaluation.reference
    if isinstance(reference, NoReference) and (reference.because in _FINAL or reference.proposed_from):
        holding.add(EventType.REFERENCE_NOT_ESTABLISHED)
    return frozenset(holding)


async def tell_conditions(
    work: Work,
    patient_id: UUID,
    *,
    mode: str,
    on: date,
    before: Sequence[str],
    holding: Sequence[str],
) -> None:
    """Notify of each condition that holds now and did not before, and keep its finding as long as it holds."""
    was, now = ([EventType(one) for one in kept if not is_mark(one)] for kept in (before, holding))
    for condition in now:
        if condition not in was:
            await _begin(work, patient_id, condition, mode=mode, on=on)
    over = [_FINDINGS[one] for one in was if one not in now and one in _FINDINGS]
    if over:
        await end_findings(work, patient_id, over)


async def _begin(work: Work, patient_id: UUID, condition: EventType, *, mode: str, on: date) -> None:
    about = About(
        patient_id=patient_id,
        mode=mode,
        subject="patient",
        subject_id=patient_id,
        url=f"{work.public_url}/v1/patients/{patient_id}/evaluation",
    )
    await notify_of_patient(work, condition, about, now=work.now)
    if condition in _FINDINGS:
        await raise_finding(work, _FINDINGS[condition], patient_id, mode=mode, on=on)
