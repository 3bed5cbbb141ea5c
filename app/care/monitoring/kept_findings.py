"""What the rule finds, as rows of the worklist: raised when it is seen, ended when it is over, closed by staff.

What is kept with the patient's state is a mark for each finding that stands: its code and the day that it began. So
a finding is raised once, ends as soon as the rule no longer says so, and one that staff closed stands again only when
it has begun again; boosters that do not hold, at their next crossing. A gain below the best is a line on the page.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from app.care.alerts.findings.commands import end_findings, raise_finding
from app.care.alerts.findings.life import FindingCode
from app.clinical.evaluation import Evaluation
from app.clinical.explanation_words import ENGLISH
from app.clinical.findings import Finding
from app.clinical.headline import finding_sentences
from app.clinical.levels import FindingCode as RuleFinding
from app.clinical.levels import Level
from app.context import Work
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
    said = " ".join(finding_sentences(finding, evaluation, ENGLISH))
    return {"numbers": plain["numbers"], "since": plain["since"], "said": said}
