"""What is a finding's own in the life of an alert: only what a patient wrote or asked is escalated."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.care.alerts.life_cycle import LifeCycle
from app.clinical.waiting import WaitingLimits, signal_wait
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.notifications.messages.to_contacts import notify_contacts
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
            now=work.now,
        )
        return {"escalated_at": work.now, "escalate_at": None}


FINDING: Final = FindingLife()
