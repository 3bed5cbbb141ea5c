"""What the care team does with a safety event beside acknowledging it: close it with its outcome."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.alerts.safety_events.life import SAFETY_EVENT
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.ids import new_id
from app.storage.alert_steps import StepDetails
from app.storage.safety_events import SafetyEvent

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
