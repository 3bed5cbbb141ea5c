"""What was sent to the clinic's systems about one signal or safety event, and where each delivery stands."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.storage.deliveries import DeliveryRow, Notification
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotification:
    """A notification on its way to one endpoint; without a state there was no endpoint to notify."""

    type: str
    occurred_at: datetime
    state: str | None
    attempts_made: int | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None


async def about(
    work: UnitOfWork, patient_id: UUID, *, subject: str, subject_id: UUID
) -> list[SentNotification]:
    """List what was sent, oldest first; ``subject`` is the field of the body that names it."""
    notification, delivery = Notification, DeliveryRow
    found = await work.execute(
        select(
            notification.type,
            notification.occurred_at,
            delivery.state,
            delivery.attempts_made,
            delivery.next_attempt_at,
            delivery.delivered_at,
        )
        .outerjoin(
            delivery,
            (delivery.clinic_id == notification.clinic_id) & (delivery.notification_id == notification.id),
        )
        .where(
            notification.clinic_id == work.clinic_id,
            notification.patient_id == patient_id,
            notification.body.contains(f'"{subject}":"{subject_id}"'),
        )
        .order_by(notification.occurred_at, notification.id, delivery.id)
    )
    return [SentNotification(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
