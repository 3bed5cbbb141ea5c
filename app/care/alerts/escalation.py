"""Escalation by the clock: what nobody acknowledged within the clinic's limit is told again, to somebody else.

The due time is in the row. A job wakes a worker then, and every sweep looks too, so that neither a lost job nor
a worker that was down keeps anybody from being told; the lock on the patient makes it once.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from app.access.clinics.contacts import Role
from app.access.clinics.queries import limits_in_force
from app.care.alerts.episodes import Told, episode_of
from app.care.alerts.safety import about, queue_escalation, safety_audit
from app.clinical.episodes import EpisodeState, reopened
from app.clinical.safety import Urgency
from app.clinical.waiting import next_escalation
from app.context import AppContext
from app.foundation.audit import SYSTEM, signal_event
from app.foundation.logs import where
from app.notifications.messages.to_contacts import BOTH, notify_contacts
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import notify_of_patient
from app.outbox import Wording
from app.storage import patient_states, patients, safety_events, signals
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal

_MOST_AT_ONCE: Final = 200


async def escalate_safety(context: AppContext, clinic_id: UUID, event_id: UUID) -> bool:
    """Escalate a safety event if its time has come; says whether it had."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        event = await _take_event(work, event_id)
        if event is None or not _waits(event.escalate_at, now) or event.state != "open":
            return False
        patient = await patients.find(work, event.patient_id)
        if patient is None:
            return False
        count = event.escalations + 1
        again_at = next_escalation(
            await limits_in_force(work),
            Urgency.URGENT if event.urgent else Urgency.PROMPT,
            escalations=count,
            escalated_at=now,
        )
        await safety_events.change(
            work,
            event_id,
            escalated_at=event.escalated_at or now,
            escalations=count,
            escalate_at=again_at,
            audit=safety_audit(now, SYSTEM, "safety.escalated", event),
        )
        told = about(event, mode=patient.mode, public_url=context.public_url)
        if count == 1:
            await notify_of_patient(
                work, EventType.SAFETY_UNACKNOWLEDGED, told, now=now, more={"urgent": event.urgent}
            )
        await notify_contacts(
            work,
            context.vault,
            [Role.SECOND] if count == 1 else BOTH,
            Wording.SAFETY_UNACKNOWLEDGED,
            link=told.url,
            mode=told.mode,
            now=now,
        )
        queue_escalation(work, event_id, at=again_at)
        await work.commit()
    return True


async def escalate_signal(context: AppContext, clinic_id: UUID, signal_id: UUID) -> bool:
    """Escalate a signal if its time has come; says whether it had."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await _take_signal(work, signal_id)
        if signal is None or not _waits(signal.escalate_at, now) or not _is_in_sight(signal, now):
            return False
        patient = await patients.find(work, signal.patient_id)
        if patient is None:
            return False
        audit = signal_event(now, SYSTEM, "signal.escalated", signal_id, signal.patient_id)
        await signals.change(work, signal_id, escalated_at=now, escalate_at=None, audit=audit)
        told = Told(patient_id=patient.id, mode=patient.mode, public_url=context.public_url)
        subject, more = told.about(signal_id), {"level": signal.level, "criterion": signal.criterion}
        await notify_of_patient(work, EventType.SIGNAL_ESCALATED, subject, now=now, more=more)
        await notify_contacts(
            work,
            context.vault,
            [Role.SECOND],
            Wording.SIGNAL_UNACKNOWLEDGED,
            link=subject.url,
            mode=subject.mode,
            now=now,
        )
        await work.commit()
    return True


async def escalate_due(context: AppContext, clinic_id: UUID) -> int:
    """Escalate all that is due in a clinic, safety first; one that fails keeps no other from being told."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        events = await safety_events.due_to_escalate(work, now=now, limit=_MOST_AT_ONCE)
        waiting = await signals.due_to_escalate(work, now=now, limit=_MOST_AT_ONCE)
    steps = [
        *((escalate_safety, event_id) for event_id in events),
        *((escalate_signal, signal_id) for signal_id in waiting),
    ]
    count = 0
    for step, subject_id in steps:
        try:
            count += await step(context, clinic_id, subject_id)
        except Exception as error:  # noqa: BLE001 - the next sweep tries it again; the others must not wait
            structlog.get_logger().error(
                "escalation.failed", error_type=type(error).__name__, error_at=where(error)
            )
    return count


async def _take_event(work: UnitOfWork, event_id: UUID) -> SafetyEvent | None:
    """Lock the patient, then the event, and read it afresh: who acknowledges takes turns with us."""
    seen = await safety_events.find(work, event_id)
    if seen is None:
        return None
    await patient_states.lock(work, seen.patient_id)
    return await safety_events.find(work, event_id, lock=True)


async def _take_signal(work: UnitOfWork, signal_id: UUID) -> Signal | None:
    seen = await signals.find(work, signal_id)
    if seen is None:
        return None
    await patient_states.lock(work, seen.patient_id)
    return await signals.find(work, signal_id)


def _waits(escalate_at: datetime | None, now: datetime) -> bool:
    return escalate_at is not None and escalate_at <= now


def _is_in_sight(signal: Signal, now: datetime) -> bool:
    """Say whether it is open now: a snooze whose time has passed is over, even before the sweep says so."""
    return reopened(episode_of(signal), as_of=now).state is EpisodeState.OPEN
