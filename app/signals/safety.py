"""The safety road: from a patient's answer to the clinic's people, whatever else is missing or broken.

It knows nothing of levels, references, snoozes or duplicates of anything but the very same report.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import safety_events
from app.storage.safety_events import SafetyEvent
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment
from app.webhooks.events import EventType
from app.webhooks.notifying import About, notify_of_patient


class SafetySource(StrEnum):
    """Where the answer was given."""

    CHECK_IN = "check_in"
    # The statement was in a check-in that could not be kept as it was sent.
    REFUSED_CHECK_IN = "refused_check_in"
    # The item about suicide or self-harm of a completed scale, and of one that could not be kept.
    ASSESSMENT = "assessment"
    REFUSED_ASSESSMENT = "refused_assessment"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyReport:
    """What was reported, without a word of it: who, in which report, how urgent, and when it reached us."""

    patient_id: UUID
    mode: str
    source: SafetySource
    source_id: UUID
    urgent: bool
    received_at: datetime
    actor: Actor


async def report(work: UnitOfWork, said: SafetyReport, *, public_url: str) -> UUID:
    """Keep a safety event and send `safety.reported`, in this transaction; the same report twice is one event.

    Gives the event's id, of the earlier one when this report made one already.

    Crisis help travels in the reply to the same request, so it is shown when it is received.
    """
    event = SafetyEvent(
        id=new_id(),
        patient_id=said.patient_id,
        source=said.source.value,
        source_id=said.source_id,
        urgent=said.urgent,
        state="open",
        received_at=said.received_at,
        shown_at=said.received_at,
        notification_id=None,
        sent_at=None,
        delivered_at=None,
        acknowledged_at=None,
        acknowledged_by=None,
        contact_made_at=None,
        outcome=None,
        closed_at=None,
        closed_by=None,
        version=1,
    )
    audit = _event(said.received_at, said.actor, "safety.reported", event)
    if not await safety_events.add(work, event, audit=audit):
        return await safety_events.id_of_source(
            work, said.patient_id, source=event.source, source_id=event.source_id
        )
    webhook_id = await notify_of_patient(
        work,
        EventType.SAFETY_REPORTED,
        About(
            patient_id=said.patient_id,
            mode=said.mode,
            subject="safety_event",
            subject_id=event.id,
            url=f"{public_url}/v1/safety-events/{event.id}",
        ),
        now=said.received_at,
        more={"urgent": said.urgent},
    )
    await safety_events.change(
        work,
        event.id,
        notification_id=webhook_id,
        audit=_event(said.received_at, said.actor, "safety.notified", event),
    )
    return event.id


async def list_events(
    equipment: Equipment,
    clinic_id: UUID,
    *,
    states: list[str],
    patient_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[SafetyEvent]:
    """List safety events in these states, oldest first."""
    async with equipment.database.work(clinic_id) as work:
        return await safety_events.page(work, states=states, patient_id=patient_id, after=after, limit=limit)


async def read_event(equipment: Equipment, clinic_id: UUID, event_id: UUID) -> SafetyEvent:
    """Give one safety event.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    async with equipment.database.work(clinic_id) as work:
        return await _existing(work, event_id)


async def acknowledge(equipment: Equipment, clinic_id: UUID, event_id: UUID, *, actor: Actor) -> SafetyEvent:
    """Note who took it up, and when; a second acknowledgement changes nothing.

    Raises:
        NotFoundError: the clinic has none under this id.
        AlreadyClosedError: it is closed.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        event = await _existing(work, event_id, lock=True)
        if event.state == "closed":
            raise AlreadyClosedError
        if event.state == "open":
            await safety_events.change(
                work,
                event_id,
                state="acknowledged",
                acknowledged_at=now,
                acknowledged_by=actor.id,
                audit=_event(now, actor, "safety.acknowledged", event),
            )
        event = await _existing(work, event_id)
        await work.commit()
    return event


async def close(
    equipment: Equipment, clinic_id: UUID, event_id: UUID, *, outcome: SafetyOutcome, actor: Actor
) -> SafetyEvent:
    """Close with its outcome; who closes without acknowledging has done both.

    Raises:
        NotFoundError: the clinic has none under this id.
        AlreadyClosedError: somebody closed it before.
    """
    now = equipment.clock.now()
    reached = outcome in {SafetyOutcome.CONTACT_MADE, SafetyOutcome.EMERGENCY_SERVICES}
    async with equipment.database.work(clinic_id) as work:
        event = await _existing(work, event_id, lock=True)
        if event.state == "closed":
            raise AlreadyClosedError
        await safety_events.change(
            work,
            event_id,
            state="closed",
            acknowledged_at=event.acknowledged_at or now,
            acknowledged_by=event.acknowledged_by or actor.id,
            contact_made_at=now if reached else None,
            outcome=outcome.value,
            closed_at=now,
            closed_by=actor.id,
            audit=_event(now, actor, "safety.closed", event),
        )
        event = await _existing(work, event_id)
        await work.commit()
    return event


async def _existing(work: UnitOfWork, event_id: UUID, *, lock: bool = False) -> SafetyEvent:
    event = await safety_events.find(work, event_id, lock=lock)
    if event is None:
        raise NotFoundError
    return event


def _event(now: datetime, actor: Actor, action: str, event: SafetyEvent) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject_kind="safety_event",
        subject_id=event.id,
        patient_id=event.patient_id,
    )
