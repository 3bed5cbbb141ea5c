"""What is a finding's own in the life of an alert: only what a patient wrote or asked is escalated."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.care.alerts.life_cycle import LifeCycle
from app.clinical.waiting import WaitingLimits, signal_wait
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.notifications.messages.notice_channels import notify_contacts
from app.notifications.messages.wording import worklist_link
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, EventFacts
from app.outbox import Wording
from app.storage import findings
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
            work.vault,
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
