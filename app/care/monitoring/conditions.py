"""What the clinic is notified of beside signals, once while it lasts: never phrased as "consider booster"."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.alerts.finding_commands import FindingCode, end_findings, raise_finding
from app.clinical.answer import Evaluation
from app.clinical.explanation_words import ENGLISH
from app.clinical.findings import Finding
from app.clinical.headline import finding_sentences
from app.clinical.levels import CriterionName, Level
from app.clinical.levels import FindingCode as RuleFinding
from app.clinical.reference import NoReference, NoReferenceBecause
from app.context import Work
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage.clinical_json import findings_to_json

_PREFIX: Final = "finding:"


def marks_of(evaluation: Evaluation) -> frozenset[str]:
    """The marks of what stands now: the rule's findings, and that nothing recent is known."""
    marks = {_mark(FindingCode(one.code.value), one) for one in evaluation.findings if _has_row(one)}
    if evaluation.worse_than_before and not evaluation.findings:
        # Rule 1.0 knows no other finding, and not since when.
        marks.add(f"{_PREFIX}{FindingCode.WORSE_THAN_BEFORE.value}:1.0")
    if evaluation.level is Level.UNKNOWN and evaluation.last_known is not None:
        marks.add(f"{_PREFIX}{FindingCode.UNKNOWN.value}:{evaluation.last_known.on.isoformat()}")
    return frozenset(marks)


def is_mark(kept: str) -> bool:
    """Whether what is kept with the state marks a finding."""
    return kept.startswith(_PREFIX)


async def keep_findings(
    work: Work,
    patient_id: UUID,
    evaluation: Evaluation,
    *,
    mode: str,
    before: Collection[str],
    holding: Collection[str],
) -> None:
    """Raise what is new, and end what no longer stands. The caller holds the patient's turn.

    Args:
        work: the transaction of its cause.
        patient_id: whose.
        evaluation: the answer that says so.
        mode: the patient's.
        before: what was kept with the state before.
        holding: what is kept from now on.
    """
    new = {_code_of(mark) for mark in holding if is_mark(mark) and mark not in before}
    found = {one.code.value: one for one in evaluation.findings}
    for code in sorted(new):
        rule = found.get(code.value)
        facts = {} if rule is None else _facts(rule, evaluation)
        await raise_finding(work, code, patient_id, mode=mode, on=evaluation.day, facts=facts)
    stand = {_code_of(mark) for mark in holding if is_mark(mark)}
    over = {_code_of(mark) for mark in before if is_mark(mark)} - stand
    if over:
        await end_findings(work, patient_id, over)


def _has_row(finding: Finding) -> bool:
    return finding.code is not RuleFinding.BELOW_BEST


def _mark(code: FindingCode, finding: Finding) -> str:
    again = finding.last_on if finding.code is RuleFinding.BOOSTERS_NOT_HOLDING else finding.since
    return f"{_PREFIX}{code.value}:{again.isoformat()}"


def _code_of(mark: str) -> FindingCode:
    return FindingCode(mark.removeprefix(_PREFIX).partition(":")[0])


def _facts(finding: Finding, evaluation: Evaluation) -> dict[str, object]:
    """The numbers that it was seen from, and its sentence."""
    (plain,) = findings_to_json((finding,))
    said = " ".join(finding_sentences(finding.code, finding.numbers, evaluation.day, ENGLISH))
    return {"numbers": plain["numbers"], "since": plain["since"], "said": said}


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
"""What is announced also while history is imported: nothing that is still to come can be missing from it."""
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
