"""Findings: their part in the life of an alert; raised and ended by what happens, and closed by staff.

Only what a patient wrote or asked is escalated.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.access.clinics.queries import waiting_limits
from app.care.alerts.life_cycle import LifeCycle
from app.clinical.waiting import WaitingLimits, signal_wait
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.messages.notice_channels import notify_contacts
from app.notifications.messages.wording import worklist_link
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notice_channels import NoticeEvent, notify_channels
from app.notifications.webhooks.notifying import About, EventFacts, Reach
from app.notifications.webhooks.trouble import nothing_gets_out
from app.outbox import Wording
from app.storage import findings, notice_channels
from app.storage.alert_steps import StepDetails
from app.storage.findings import Finding
from app.storage.patients import PatientRecord


class FindingClosedError(RefusalError):
    """This is closed; nothing more needs to be done."""

    kind = RefusalKind.CONFLICT
    code = "finding-closed"


class FindingLife(LifeCycle[Finding]):
    """A finding waits for the next look at the worklist; what a patient wrote goes to the second contact once."""

    noun = "finding"
    prefix = "finding"
    closed_error = FindingClosedError
    table = findings.TABLE
    events = {  # noqa: RUF012 - declared as a class variable in LifeCycle
        "acknowledged": EventType.FINDING_UPDATED,
        "acknowledgement_taken_back": EventType.FINDING_UPDATED,
        "assigned": EventType.FINDING_UPDATED,
        "closed": EventType.FINDING_ENDED,
        "reopened": EventType.FINDING_RAISED,
    }

    def about(self, alert: Finding, *, mode: str, public_url: str) -> About:
        """Say what its notifications are about: the patient, so that nothing in a link says what it is."""
        return About(
            patient_id=alert.patient_id,
            mode=mode,
            subject="patient",
            subject_id=alert.patient_id,
            url=f"{public_url}/v1/patients/{alert.patient_id}/evaluation",
        )

    def facts(self, alert: Finding) -> EventFacts:
        """Say which, and with what it was closed."""
        ended = {} if alert.outcome is None else {"outcome": alert.outcome}
        return {"finding_id": str(alert.id), "code": alert.code, **ended}

    def wait(self, limits: WaitingLimits, alert: Finding) -> timedelta:
        """Say how long it may wait: as long as a signal."""
        del alert
        return signal_wait(limits)

    def queue_escalation(self, work: Work, alert_id: UUID, *, at: datetime | None) -> None:
        """Hours pass before one is escalated, so the sweep that comes every few seconds is soon enough."""

    async def escalated(
        self, work: Work, alert: Finding, patient: PatientRecord, limits: WaitingLimits
    ) -> dict[str, Any]:
        """Write to the second contact, once; that a patient wrote is no separate event."""
        del alert, limits
        await notify_contacts(
            work,
            [Role.SECOND],
            Wording.SIGNAL_UNACKNOWLEDGED,
            link=worklist_link(work.public_url),
            mode=patient.mode,
            now=work.real_now,
        )
        return {"escalated_at": work.now, "escalate_at": None}


FINDING: Final = FindingLife()


class FindingCode(StrEnum):
    """What there is to see to about a patient, beside safety events and signals."""

    WORSE_THAN_BEFORE = "worse_than_before"
    ELEVATED_MOOD = "elevated_mood"
    CHECK_INS_AND_SCALE_DISAGREE = "check_ins_and_scale_disagree"
    BOOSTERS_NOT_HOLDING = "boosters_not_holding"
    LONG_EXPOSURE = "long_exposure"
    SILENT_AFTER_LOW = "silent_after_low"
    UNKNOWN = "unknown"
    OVERDUE = "overdue"
    REVIEW_DUE = "review_due"
    NO_REFERENCE = "no_reference"
    # What came from the patient: each is one of its own, and stays until someone has answered.
    ASKED = "asked"
    NOTE = "note"
    ERASURE_REQUEST = "erasure_request"


FROM_PATIENT: Final = frozenset({FindingCode.ASKED, FindingCode.NOTE, FindingCode.ERASURE_REQUEST})
"""What a patient wrote or asked for: someone is notified of it, and unread it is escalated as a signal is."""

WITH_OWN_EVENT: Final = frozenset(
    {FindingCode.OVERDUE, FindingCode.REVIEW_DUE, FindingCode.NO_REFERENCE, FindingCode.ASKED}
)
"""What another event says as well, by its own name."""

BY_CHECK_IN: Final = frozenset({FindingCode.OVERDUE, FindingCode.SILENT_AFTER_LOW, FindingCode.UNKNOWN})
"""What the next check-in ends."""


# Of several in a row a person hears once; all of them are on the worklist.
_ONCE_IN: Final = timedelta(hours=1)


class FindingOutcome(StrEnum):
    """With what staff close a finding."""

    SEEN = "seen"
    CONTACTED = "contacted"
    TREATMENT_CHANGED = "treatment_changed"
    NOT_CONFIRMED = "not_confirmed"
    OTHER = "other"


class FindingNotReopenedError(RefusalError):
    """Only what staff closed can be put back, while nothing of the same kind is open."""

    kind = RefusalKind.CONFLICT
    code = "finding-not-reopened"


# As channels of the care team know them; of the others they hear by the event of the finding's own, or not at all.
_NOTICES: Final = {
    FindingCode.WORSE_THAN_BEFORE: NoticeEvent.PATIENT_WORSE_THAN_BEFORE,
    FindingCode.ERASURE_REQUEST: NoticeEvent.PATIENT_ASKED_FOR_ERASURE,
}
ENDED: Final = "ended"
"""The outcome of one that no longer holds."""


async def raise_finding(
    work: Work,
    code: FindingCode,
    patient_id: UUID,
    *,
    mode: str,
    on: date,
    source_id: UUID | None = None,
    due_at: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
) -> UUID | None:
    """Put something about a patient on the worklist; the caller holds the patient's turn.

    Args:
        work: the transaction of its cause.
        code: what it is.
        patient_id: about whom.
        mode: the patient's.
        on: the patient's check-in day.
        source_id: the report or request that it came with; the same twice is one finding.
        due_at: when it should be done, where that is not at once.
        facts: a rule's numbers, by name.

    Gives its id; None when the same is open already.
    """
    written = code in FROM_PATIENT
    finding = Finding(
        id=new_id(),
        patient_id=patient_id,
        state="open",
        code=code.value,
        raised_at=work.now,
        raised_on=on,
        source_id=source_id,
        due_at=due_at,
        facts=dict(facts or {}),
        escalate_at=work.now + signal_wait(await waiting_limits(work)) if written else None,
    )
    if not await findings.add(work, finding):
        return None
    await FINDING.keep_step(work, finding.id, patient_id, "raised", actor=SYSTEM)
    reach = Reach.CHOSEN if code in WITH_OWN_EVENT else Reach.USUAL
    await FINDING.announce(work, EventType.FINDING_RAISED, finding, reach=reach, notice=_NOTICES.get(code))
    if written:
        await _notify(work, finding, mode=mode)
    return finding.id


async def end_findings(
    work: Work, patient_id: UUID, codes: Collection[FindingCode], *, source_id: UUID | None = None
) -> int:
    """Close a patient's findings that no longer hold; gives how many. The caller holds the patient's turn."""
    ended = await findings.end(
        work, patient_id, codes=[one.value for one in codes], outcome=ENDED, source_id=source_id
    )
    for finding in ended:
        details = StepDetails(id=new_id(), disposition=ENDED)
        await FINDING.keep_step(work, finding.id, patient_id, "ended", details=details, actor=SYSTEM)
        await FINDING.announce(work, EventType.FINDING_ENDED, finding)
        if finding.code == FindingCode.OVERDUE:
            await FINDING.announce(work, EventType.CHECK_INS_RESUMED, finding)
    return len(ended)


async def close(
    work: Work,
    finding_id: UUID,
    *,
    outcome: FindingOutcome,
    note: str | None = None,
    version: int | None = None,
) -> Finding:
    """Close a finding with its outcome.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: it has moved on from that version.
        FindingClosedError: someone closed it before, or it ended.
    """
    finding = await FINDING.lock_open(work, finding_id, version=version)
    details = FINDING.details(work, finding, note, disposition=outcome.value)
    return await FINDING.close(work, finding, details=details, outcome=outcome.value)


async def reopen(work: Work, finding_id: UUID, *, version: int | None = None) -> Finding:
    """Put a finding that staff closed back on the worklist.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: it has moved on from that version.
        FindingNotReopenedError: it is not closed, or what it said no longer holds.
    """
    finding = await FINDING.lock_for_update(work, finding_id, version=version)
    if finding.state != "closed" or finding.outcome == ENDED:
        raise FindingNotReopenedError
    same = await findings.open_of_patient(work, finding.patient_id, codes=[finding.code])
    if finding.source_id is None and same:
        raise FindingNotReopenedError
    return await FINDING.open_again(work, finding, details=StepDetails(id=new_id()), outcome=None)


async def _notify(work: Work, finding: Finding, *, mode: str) -> None:
    """Let the care team know that a patient wrote or asked for something; what it says is only on the page."""
    await notify_channels(
        work, NoticeEvent.PATIENT_WROTE, mode=mode, now=work.now, patient_id=finding.patient_id
    )
    codes, since = [one.value for one in FROM_PATIENT], work.now - _ONCE_IN
    if await findings.raised_since(work, codes=codes, since=since, other_than=finding.id):
        return
    if await nothing_gets_out(work) and not await _a_channel_hears(work):
        # Neither a system nor a channel of the clinic hears of it: a person does.
        await notify_contacts(
            work,
            [Role.SAFETY],
            Wording.LOOK_AT_WORKLIST,
            link=worklist_link(work.public_url),
            mode=mode,
            now=work.now,
        )


async def _a_channel_hears(work: Work) -> bool:
    """Say whether some channel of the care team is notified of what patients write."""
    return any(
        channel.state == "enabled" and NoticeEvent.PATIENT_WROTE in channel.events
        for channel in await notice_channels.all_of_clinic(work)
    )
