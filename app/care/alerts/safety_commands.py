"""What the care team does with a safety event: look, acknowledge, close with its outcome."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.alerts.locking import require_version
from app.care.alerts.safety import safety_audit
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import safety_events
from app.storage.access_records import record_access
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.safety_events import SafetyEvent

# A clinic's clock may be a little ahead of ours.
_AHEAD: Final = timedelta(minutes=10)


class SafetyOutcome(StrEnum):
    """How it ended, as the clinician records it."""

    CONTACT_MADE = "contact_made"
    EMERGENCY_SERVICES = "emergency_services"
    NO_CONTACT = "no_contact"
    ENTERED_BY_MISTAKE = "entered_by_mistake"


class AlreadyClosedError(RefusalError):
    """This has been closed already."""

    kind = RefusalKind.CONFLICT
    code = "already-closed"


class ContactTimeRefusedError(RefusalError):
    """The person was reached after the report and before now, and the outcome says that they were."""

    code = "contact-time-refused"


async def list_events(
    context: AppContext,
    clinic_id: UUID,
    *,
    states: list[str],
    patient_id: UUID | None,
    after: UUID | None,
    limit: int,
    actor: Actor,
) -> list[SafetyEvent]:
    """List safety events in these states, oldest first."""
    async with context.database.work(clinic_id) as work:
        found = await safety_events.page(work, states=states, patient_id=patient_id, after=after, limit=limit)
        await record_access(
            work, "safety_events", now=context.clock.now(), actor=actor, patient_id=patient_id
        )
    return found


async def read_event(context: AppContext, clinic_id: UUID, event_id: UUID, *, actor: Actor) -> SafetyEvent:
    """Give one safety event.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        event = await _existing(work, event_id)
        whose = event.patient_id
        await record_access(work, "safety_event", now=now, actor=actor, patient_id=whose, subject_id=event_id)
    return event


async def acknowledge(
    context: AppContext, clinic_id: UUID, event_id: UUID, *, version: int | None = None, actor: Actor
) -> SafetyEvent:
    """Note who took it up, and when; a second acknowledgement changes nothing.

    ``version``: here and below, the one that the change is based on; None: whatever it is now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the event has moved on from that version.
        AlreadyClosedError: it is closed.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        event = await _locked(work, event_id, version)
        if event.state == "closed":
            raise AlreadyClosedError
        if event.state == "open":
            await safety_events.change(
                work,
                event_id,
                state="acknowledged",
                acknowledged_at=now,
                acknowledged_by=actor.id,
                escalate_at=None,
                audit=safety_audit(now, actor, "safety.acknowledged", event),
            )
        event = await _existing(work, event_id)
        await work.commit()
    return event


async def close(
    context: AppContext,
    clinic_id: UUID,
    event_id: UUID,
    *,
    outcome: SafetyOutcome,
    contact_made_at: datetime | None,
    version: int | None = None,
    actor: Actor,
) -> SafetyEvent:
    """Close with its outcome; who closes without acknowledging has done both.

    ``contact_made_at``: when the person was reached; left out, an outcome that says so means now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the event has moved on from that version.
        AlreadyClosedError: somebody closed it before.
        ContactTimeRefusedError: nobody can have been reached then.
    """
    now = context.clock.now()
    reached = outcome in {SafetyOutcome.CONTACT_MADE, SafetyOutcome.EMERGENCY_SERVICES}
    async with context.database.work(clinic_id) as work:
        event = await _locked(work, event_id, version)
        if event.state == "closed":
            raise AlreadyClosedError
        if contact_made_at and not (reached and event.received_at <= contact_made_at <= now + _AHEAD):
            raise ContactTimeRefusedError("#/contact_made_at")
        await safety_events.change(
            work,
            event_id,
            state="closed",
            acknowledged_at=event.acknowledged_at or now,
            acknowledged_by=event.acknowledged_by or actor.id,
            contact_made_at=(contact_made_at or now) if reached else None,
            outcome=outcome.value,
            closed_at=now,
            closed_by=actor.id,
            escalate_at=None,
            audit=safety_audit(now, actor, "safety.closed", event),
        )
        event = await _existing(work, event_id)
        await work.commit()
    return event


async def _locked(work: UnitOfWork, event_id: UUID, version: int | None) -> SafetyEvent:
    event = await _existing(work, event_id, lock=True)
    require_version(event.version, version)
    return event


async def _existing(work: UnitOfWork, event_id: UUID, *, lock: bool = False) -> SafetyEvent:
    event = await safety_events.find(work, event_id, lock=lock)
    if event is None:
        raise NotFoundError
    return event
