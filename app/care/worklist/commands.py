"""What is done to a row of the worklist, whatever kind it is: assigned, reached out about, acknowledged."""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.care.alerts import finding_commands
from app.care.alerts.finding_commands import FINDING, FindingCode, FindingOutcome
from app.care.alerts.life_cycle import LifeCycle, OutreachChannel, OutreachOutcome
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.alerts.signal_commands import SIGNAL
from app.care.patients.reaching import write_to_patient
from app.context import Work
from app.foundation.errors import NotFoundError
from app.outbox import Wording
from app.storage.alerts import Alert

_EVERY_LIFE: Final[tuple[LifeCycle[Any], ...]] = (SIGNAL, FINDING, SAFETY_EVENT)
DONE_ONCE_REACHED: Final = frozenset(
    {
        FindingCode.ASKED,
        FindingCode.NOTE,
        FindingCode.SILENT_AFTER_LOW,
        FindingCode.UNKNOWN,
        FindingCode.OVERDUE,
    }
)
"""What is done as soon as someone has spoken with the patient."""


async def life_of(work: Work, item_id: UUID) -> LifeCycle[Any]:
    """Find which kind a row is.

    Raises:
        NotFoundError: the clinic has no such row; what is undelivered cannot be taken care of here.
    """
    for life in _EVERY_LIFE:
        if await life.table.find(work, item_id) is not None:
            return life
    raise NotFoundError


async def assign(work: Work, item_id: UUID, *, member: UUID | None, version: int | None = None) -> Alert:
    """Name the member who takes care of a row, or nobody.

    Raises:
        NotFoundError: the clinic has no such row.
        ChangedMeanwhileError: it has moved on from that version.
        MemberNotHereError: the clinic has no such active member.
    """
    alert: Alert = await (await life_of(work, item_id)).assign(work, item_id, member=member, version=version)
    return alert


class AnswerText(StrEnum):
    """Which of the fixed texts a patient is answered with; none says anything clinical."""

    HAS_READ = "has_read"
    PLEASE_CALL = "please_call"
    WILL_CALL = "will_call"


_WORDINGS: Final = {
    AnswerText.HAS_READ: Wording.CLINIC_HAS_READ,
    AnswerText.PLEASE_CALL: Wording.CLINIC_ASKS_TO_CALL,
    AnswerText.WILL_CALL: Wording.CLINIC_WILL_CALL,
}


async def answer(work: Work, item_id: UUID, *, text: AnswerText, version: int | None = None) -> Alert:
    """Send the patient of a row one of the fixed texts, and keep that as reaching out; it acknowledges the row.

    Raises:
        NotFoundError: the clinic has no such row.
        ChangedMeanwhileError: it has moved on from that version.
        PatientNotReachedError: no channel leads to the patient.
    """
    alert = await reach_out(
        work,
        item_id,
        channel=OutreachChannel.MESSAGE,
        outcome=OutreachOutcome.LEFT_MESSAGE,
        note=None,
        version=version,
    )
    await write_to_patient(work, alert.patient_id, _WORDINGS[text])
    return alert


async def reach_out(
    work: Work,
    item_id: UUID,
    *,
    channel: OutreachChannel,
    outcome: OutreachOutcome,
    note: str | None,
    version: int | None = None,
) -> Alert:
    """Keep that someone tried to reach the patient; where that was all there was to do, it is done.

    Raises:
        NotFoundError: the clinic has no such row.
        ChangedMeanwhileError: it has moved on from that version.
    """
    life = await life_of(work, item_id)
    alert: Alert = await life.reach_out(
        work, item_id, channel=channel, outcome=outcome, note=note, version=version
    )
    if life is FINDING and outcome is OutreachOutcome.REACHED:
        finding = await FINDING.existing(work, item_id)
        if finding.code in DONE_ONCE_REACHED:
            return await finding_commands.close(work, item_id, outcome=FindingOutcome.CONTACTED)
    return alert
