"""Safety events: their part in the life of an alert, notified again until someone acknowledges; and closing one."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.care.alerts.life_cycle import LifeCycle
from app.clinical.safety import Urgency
from app.clinical.waiting import WaitingLimits, next_escalation, safety_wait
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.messages.notice_channels import BOTH, notify_contacts
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import SAFETY_PRIORITY, About, EventFacts
from app.outbox import Wording
from app.storage import safety_events
from app.storage.alert_steps import StepDetails
from app.storage.patients import PatientRecord
from app.storage.safety_events import SafetyEvent

ESCALATE_SAFETY: Final = "escalate_safety"


class AlreadyClosedError(RefusalError):
    """This has been closed already."""

    kind = RefusalKind.CONFLICT
    code = "already-closed"


class SafetyEventLife(LifeCycle[SafetyEvent]):
    """A safety event waits for minutes, cannot be snoozed, and is escalated again and again."""

    noun = "safety_event"
    prefix = "safety"
    closed_error = AlreadyClosedError
    table = safety_events.TABLE
    events = {  # noqa: RUF012 - declared as a class variable in LifeCycle
        "acknowledged": EventType.SAFETY_ACKNOWLEDGED,
        "acknowledgement_taken_back": EventType.SAFETY_UPDATED,
        "assigned": EventType.SAFETY_UPDATED,
        "closed": EventType.SAFETY_CLOSED,
    }

    def about(self, alert: SafetyEvent, *, mode: str, public_url: str) -> About:
        """Say what its notifications are about."""
        return About(
            patient_id=alert.patient_id,
            mode=mode,
            subject="safety_event",
            subject_id=alert.id,
            url=f"{public_url}/v1/safety-events/{alert.id}",
        )

    def facts(self, alert: SafetyEvent) -> EventFacts:
        """Say how urgent it is, and with what it was closed."""
        return {"urgent": alert.urgent, **({} if alert.outcome is None else {"outcome": alert.outcome})}

    def wait(self, limits: WaitingLimits, alert: SafetyEvent) -> timedelta:
        """Say how long it may wait, by its urgency."""
        return safety_wait(limits, _urgency(alert))

    def queue_escalation(self, work: Work, alert_id: UUID, *, at: datetime | None) -> None:
        """Have a worker look then, before all else."""
        if at is not None:
            work.queue(
                ESCALATE_SAFETY, at=at, priority=SAFETY_PRIORITY, clinic_id=work.clinic_id, event_id=alert_id
            )

    def now(self, work: Work) -> datetime:
        """Give the real time: no test clock makes a safety limit pass."""
        return work.real_now

    async def waits_again(self, work: Work, alert: SafetyEvent) -> dict[str, Any]:
        """Start its limit from now, and count escalations from none; when it was escalated first stays."""
        return {
            **await super().waits_again(work, alert),
            "escalated_at": alert.escalated_at,
            "escalations": 0,
        }

    async def escalated(
        self, work: Work, alert: SafetyEvent, patient: PatientRecord, limits: WaitingLimits
    ) -> dict[str, Any]:
        """Notify the second contact, then both, as often as the limits say; the clinic's systems once."""
        count = alert.escalations + 1
        again_at = next_escalation(limits, _urgency(alert), escalations=count, escalated_at=self.now(work))
        about = self.about(alert, mode=patient.mode, public_url=work.public_url)
        if count == 1:
            await self.announce(work, EventType.SAFETY_UNACKNOWLEDGED, alert)
        await notify_contacts(
            work,
            [Role.SECOND] if count == 1 else BOTH,
            Wording.SAFETY_UNACKNOWLEDGED,
            link=about.url,
            mode=about.mode,
            now=work.real_now,
        )
        self.queue_escalation(work, alert.id, at=again_at)
        return {
            "escalated_at": alert.escalated_at or self.now(work),
            "escalations": count,
            "escalate_at": again_at,
        }


def _urgency(event: SafetyEvent) -> Urgency:
    return Urgency.URGENT if event.urgent else Urgency.PROMPT


SAFETY_EVENT: Final = SafetyEventLife()


# A clinic's clock may be a little ahead of ours.
_AHEAD: Final = timedelta(minutes=10)


class SafetyOutcome(StrEnum):
    """How it ended, as the clinician records it."""

    CONTACT_MADE = "contact_made"
    EMERGENCY_SERVICES = "emergency_services"
    NO_CONTACT = "no_contact"
    ENTERED_BY_MISTAKE = "entered_by_mistake"


class ContactTimeRefusedError(RefusalError):
    """The person was reached after the report and before now, and the outcome says that they were."""

    code = "contact-time-refused"


async def close(
    work: Work,
    event_id: UUID,
    *,
    outcome: SafetyOutcome,
    contact_made_at: datetime | None,
    version: int | None = None,
) -> SafetyEvent:
    """Close with its outcome; who closes without acknowledging has done both.

    Args:
        work: the transaction.
        event_id: which.
        outcome: how it ended.
        contact_made_at: when the person was reached; left out, an outcome that says so means now.
        version: the one that the change is based on; None: whatever it is now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the event has moved on from that version.
        AlreadyClosedError: someone closed it before.
        ContactTimeRefusedError: nobody can have been reached then.
    """
    event = await SAFETY_EVENT.lock_open(work, event_id, version=version)
    reached = outcome in {SafetyOutcome.CONTACT_MADE, SafetyOutcome.EMERGENCY_SERVICES}
    if contact_made_at and not (reached and event.received_at <= contact_made_at <= work.now + _AHEAD):
        raise ContactTimeRefusedError("#/contact_made_at")
    return await SAFETY_EVENT.close(
        work,
        event,
        details=StepDetails(id=new_id(), disposition=outcome.value),
        contact_made_at=(contact_made_at or work.now) if reached else None,
        outcome=outcome.value,
    )
