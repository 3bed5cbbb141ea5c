"""Writing a notification and its deliveries in the transaction of what they are about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.audit import SYSTEM, Actor
from app.foundation.ids import new_id
from app.notifications.webhooks.events import SAFETY_EVENTS, EventType, event_body
from app.notifications.webhooks.notices import notify_channels
from app.storage import deliveries, endpoints, patient_states
from app.storage.engine.unit_of_work import UnitOfWork

# Of jobs that somebody waits for; beside the others' 0.
SAFETY_PRIORITY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom and what an event is about: the patient, their mode, and where to read more."""

    patient_id: UUID
    mode: str
    subject: str
    subject_id: UUID
    url: str


async def notify_of_patient(
    work: UnitOfWork,
    event: EventType,
    about: About,
    *,
    now: datetime,
    more: Mapping[str, str | int | bool | None] | None = None,
) -> UUID:
    """Notify every endpoint and channel that wants it, once this transaction commits; gives the ``webhook-id``.

    ``sequence`` counts this patient's events, so that a receiver can put them in order.
    """
    sequence = await patient_states.next_event_sequence(work, about.patient_id)
    data: dict[str, str | int | bool | None] = {
        "patient_id": str(about.patient_id),
        f"{about.subject}_id": str(about.subject_id),
        "sequence": sequence,
        "mode": about.mode,
        "url": about.url,
        **(more or {}),
    }
    notification_id = await _notify(
        work, event, data, patient_id=about.patient_id, now=now, only=None, actor=SYSTEM
    )
    await notify_channels(work, event, mode=about.mode, now=now, notification_id=notification_id)
    return notification_id


async def notify_endpoint(work: Work, event: EventType, endpoint_id: UUID, *, mode: str) -> UUID:
    """Notify one endpoint of something about itself, in the clinic's mode; gives the ``webhook-id``."""
    data: dict[str, str | int | bool | None] = {"endpoint_id": str(endpoint_id), "mode": mode}
    return await _notify(work, event, data, patient_id=None, now=work.now, only=endpoint_id, actor=work.actor)


async def _notify(
    work: UnitOfWork,
    event: EventType,
    data: Mapping[str, str | int | bool | None],
    *,
    patient_id: UUID | None,
    now: datetime,
    only: UUID | None,
    actor: Actor,
) -> UUID:
    notification = deliveries.Notification(
        id=new_id(),
        type=event.value,
        patient_id=patient_id,
        occurred_at=now,
        body=event_body(event, occurred_at=now, data=data),
    )
    safety = event in SAFETY_EVENTS
    ways = [
        deliveries.NewDelivery(
            id=new_id(),
            endpoint_id=endpoint.id,
            urgency="safety" if safety else "ordinary",
            state="pending" if endpoint.state == "enabled" else "held",
        )
        for endpoint in await endpoints.all_of_clinic(work)
        if (endpoint.id == only if only else _wants(endpoint, event))
    ]
    await deliveries.add_notification(work, notification, ways)
    work.audit(f"notified.{event.value}", "notification", notification.id, patient_id=patient_id, actor=actor)
    if ways:
        work.wake_outbox()
    return notification.id


def _wants(endpoint: endpoints.Endpoint, event: EventType) -> bool:
    return event in SAFETY_EVENTS or endpoint.events is None or event.value in endpoint.events
