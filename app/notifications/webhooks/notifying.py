"""Writing a notification and its deliveries in the transaction of what they are about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.audit import SYSTEM, Actor
from app.foundation.ids import new_id
from app.notifications.webhooks.events import BY_DEFAULT, SAFETY_EVENTS, EventType, event_body
from app.notifications.webhooks.notice_channels import NoticeEvent, concerned, notify_channels
from app.storage import deliveries, endpoints, patient_states
from app.storage.engine.unit_of_work import UnitOfWork

EventFact = str | int | bool | None
EventFacts = Mapping[str, EventFact]

# Of jobs that someone waits for; beside the others' 0.
SAFETY_PRIORITY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom and what an event is about: the patient, their mode, and where to read more."""

    patient_id: UUID
    mode: str
    subject: str
    subject_id: UUID
    url: str

    @classmethod
    def patient(cls, patient_id: UUID, *, public_url: str, mode: str, page: str = "") -> "About":
        """Say that it is about the patient as a whole; ``page``: which of the patient's pages to read."""
        return cls(
            patient_id=patient_id,
            mode=mode,
            subject="patient",
            subject_id=patient_id,
            url=f"{public_url}/v1/patients/{patient_id}{page}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Whose event it is, and the how manieth of the patient's."""

    patient_id: UUID | None = None
    sequence: int | None = None


class Reach(StrEnum):
    """How far an event goes. All of them are in the stream."""

    # To endpoints without a filter if it is one that they get, and to those that chose it.
    USUAL = "usual"
    # To endpoints that chose it: another event says the same to the rest.
    CHOSEN = "chosen"
    # To no endpoint and no channel: nobody is to be called for it.
    STREAM = "stream"


async def notify_of_patient(
    work: UnitOfWork,
    event: EventType,
    about: About,
    *,
    now: datetime,
    more: EventFacts | None = None,
    reach: Reach = Reach.USUAL,
    notice: NoticeEvent | None = None,
) -> UUID:
    """Notify every endpoint and channel that wants it, once this transaction commits; gives the ``webhook-id``.

    ``sequence`` counts this patient's events, so that a receiver can put them in order.

    Args:
        work: the transaction of its cause.
        event: what happened.
        about: whom and what it is about.
        now: when it happened.
        more: what its body says besides.
        reach: how far it goes.
        notice: what channels of the care team know it as; None: as the event.
    """
    sequence = await patient_states.next_event_sequence(work, about.patient_id)
    data: dict[str, EventFact] = {
        "patient_id": str(about.patient_id),
        f"{about.subject}_id": str(about.subject_id),
        "sequence": sequence,
        "mode": about.mode,
        "url": about.url,
        **(more or {}),
    }
    notification_id = await _notify(
        work,
        event,
        data,
        about=_Subject(patient_id=about.patient_id, sequence=sequence),
        now=now,
        wanted_by=lambda endpoint: _wants(endpoint, event, reach),
        actor=SYSTEM,
    )
    if reach is not Reach.STREAM:
        await notify_channels(
            work,
            notice or event,
            mode=about.mode,
            now=now,
            notification_id=notification_id,
            about_patient=about.patient_id,
        )
    return notification_id


async def notify_of_erased(work: UnitOfWork, patient_id: UUID, *, mode: str, now: datetime) -> None:
    """Notify that a patient was erased: it goes with no row of theirs, and stays when they are gone."""
    data: dict[str, EventFact] = {"patient_id": str(patient_id), "mode": mode}
    await _notify(
        work,
        EventType.PATIENT_ERASED,
        data,
        about=_Subject(),
        now=now,
        wanted_by=lambda endpoint: _wants(endpoint, EventType.PATIENT_ERASED, Reach.USUAL),
        actor=SYSTEM,
    )


async def notify_endpoint(work: Work, event: EventType, endpoint_id: UUID, *, mode: str) -> UUID:
    """Notify one endpoint of something about itself, in the clinic's mode; gives the ``webhook-id``."""
    data: dict[str, EventFact] = {"endpoint_id": str(endpoint_id), "mode": mode}
    return await _notify(
        work,
        event,
        data,
        about=_Subject(),
        now=work.now,
        wanted_by=lambda endpoint: endpoint.id == endpoint_id,
        actor=work.actor,
    )


async def _notify(
    work: UnitOfWork,
    event: EventType,
    data: EventFacts,
    *,
    about: _Subject,
    now: datetime,
    wanted_by: Callable[[endpoints.Endpoint], bool],
    actor: Actor,
) -> UUID:
    notification = deliveries.Notification(
        id=new_id(),
        type=event.value,
        patient_id=about.patient_id,
        occurred_at=now,
        body=event_body(event, occurred_at=now, data=data),
    )
    safety = event in SAFETY_EVENTS
    wanting = [one for one in await endpoints.all_of_clinic(work) if wanted_by(one)]
    if not safety and about.patient_id is not None:
        wanting = await concerned(work, wanting, about.patient_id, now=now)
    ways = [
        deliveries.NewDelivery(
            id=new_id(),
            endpoint_id=endpoint.id,
            urgency="safety" if safety else "ordinary",
            state="pending" if endpoint.state == "enabled" else "held",
        )
        for endpoint in wanting
    ]
    await deliveries.add_notification(work, notification, ways, patient_sequence=about.sequence)
    work.audit(
        f"notified.{event.value}", "notification", notification.id, patient_id=about.patient_id, actor=actor
    )
    if ways:
        work.wake_outbox()
    return notification.id


def _wants(endpoint: endpoints.Endpoint, event: EventType, reach: Reach) -> bool:
    if reach is Reach.STREAM:
        return False
    if event in SAFETY_EVENTS:
        return True
    if endpoint.events is None:
        return reach is Reach.USUAL and event in BY_DEFAULT
    return event.value in endpoint.events
