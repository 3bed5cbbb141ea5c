"""What the clinic is notified of beside signals, once while it lasts: never phrased as "consider booster"."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.alerts.findings.commands import end_findings, raise_finding
from app.care.alerts.findings.life import FindingCode
from app.care.monitoring.kept_findings import is_mark
from app.clinical.evaluation import Evaluation
from app.clinical.levels import CriterionName
from app.clinical.reference import NoReference, NoReferenceBecause
from app.context import Work
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient


class Condition(StrEnum):
    """What holds of a patient and was announced; kept with the patient's state, so that it is announced once."""

    ASKED_ABOUT_BOOSTER = "patient.asked_about_booster"
    WORSE_THAN_BEFORE = "patient.worse_than_before"
    REFERENCE_ESTABLISHED = "reference.established"
    REFERENCE_NOT_ESTABLISHED = "reference.not_established"
    REVIEW_DUE = "induction.review_due"


# What stays on the worklist while it holds. What the patient asked is no condition: it came with a report.
_FINDINGS: Final[Mapping[Condition, FindingCode]] = {
    Condition.REFERENCE_NOT_ESTABLISHED: FindingCode.NO_REFERENCE,
    Condition.REVIEW_DUE: FindingCode.REVIEW_DUE,
}
# What its beginning and its end are announced as; that someone is worse than before is announced by its finding.
_BEGINS: Final[Mapping[Condition, EventType]] = {
    Condition.ASKED_ABOUT_BOOSTER: EventType.PATIENT_ASKED_ABOUT_BOOSTER,
    Condition.REFERENCE_ESTABLISHED: EventType.REFERENCE_ESTABLISHED,
    Condition.REFERENCE_NOT_ESTABLISHED: EventType.REFERENCE_NOT_ESTABLISHED,
    Condition.REVIEW_DUE: EventType.INDUCTION_REVIEW_DUE,
}
_ENDS: Final[Mapping[Condition, EventType]] = {
    Condition.REFERENCE_ESTABLISHED: EventType.REFERENCE_ENDED,
    Condition.REVIEW_DUE: EventType.INDUCTION_REVIEW_DONE,
}
AT_ONCE: Final = frozenset({Condition.REFERENCE_ESTABLISHED})
"""What is announced also while history is brought along: nothing that is still to come can be missing from it."""
# Reasons after which no reference will come by itself.
_FINAL: Final = frozenset({NoReferenceBecause.TOO_FEW_DAYS, NoReferenceBecause.BOOSTER_CLOSED_WINDOW})


def conditions_of(evaluation: Evaluation) -> frozenset[Condition]:
    """Say which hold: the patient asked, is worse than before, has a reference or none unless a clinician decides."""
    holding = set()
    if any(criterion.name is CriterionName.PATIENT_ASKS for criterion in evaluation.criteria):
        holding.add(Condition.ASKED_ABOUT_BOOSTER)
    if evaluation.worse_than_before:
        holding.add(Condition.WORSE_THAN_BEFORE)
    reference = evaluation.reference
    if not isinstance(reference, NoReference):
        holding.add(Condition.REFERENCE_ESTABLISHED)
    elif reference.because in _FINAL or reference.proposed_from:
        holding.add(Condition.REFERENCE_NOT_ESTABLISHED)
    return frozenset(holding)


async def announce_conditions(
    work: Work,
    patient_id: UUID,
    *,
    mode: str,
    on: date,
    before: Sequence[str],
    holding: Sequence[str],
) -> None:
    """Notify of each condition that holds now and did not before, and keep its finding as long as it holds."""
    was, now = ([Condition(one) for one in kept if not is_mark(one)] for kept in (before, holding))
    for condition in now:
        if condition not in was:
            await _announce(work, patient_id, _BEGINS.get(condition), mode=mode)
            if condition in _FINDINGS:
                await raise_finding(work, _FINDINGS[condition], patient_id, mode=mode, on=on)
    over = [condition for condition in was if condition not in now]
    ended = [_FINDINGS[condition] for condition in over if condition in _FINDINGS]
    if ended:
        await end_findings(work, patient_id, ended)
    for condition in over:
        await _announce(work, patient_id, _ENDS.get(condition), mode=mode)


async def _announce(work: Work, patient_id: UUID, event: EventType | None, *, mode: str) -> None:
    if event is not None:
        about = About.patient(patient_id, public_url=work.public_url, mode=mode, page="/evaluation")
        await notify_of_patient(work, event, about, now=work.now)
