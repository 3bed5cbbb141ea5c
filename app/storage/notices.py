"""Notices in the outbox, to channels of the care team; and what was sent about one alert."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.storage.deliveries import DeliveryRow, Notification
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage as MessageRow


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherNotice:
    """Another notice to the same channel that waits, is being sent, or went lately."""

    id: UUID
    mode: str
    state: str
    attempts: int
    next_attempt_at: datetime
    claimed_until: datetime | None
    sent_at: datetime | None


async def channel_of(work: UnitOfWork, message_id: UUID) -> UUID | None:
    """Say to which channel a message goes; None when it goes to a person."""
    found = await work.execute(
        select(MessageRow.notice_channel_id).where(work.owns(MessageRow), MessageRow.id == message_id)
    )
    channel_id: UUID | None = found.scalar_one_or_none()
    return channel_id


async def others(
    work: UnitOfWork, message_id: UUID, channel_id: UUID, *, wordings: Collection[str], sent_after: datetime
) -> list[OtherNotice]:
    """List the other notices of these wordings to a channel: those that wait, and those sent since then."""
    columns = [getattr(MessageRow, name) for name in OtherNotice.__dataclass_fields__]
    return await work.all(
        OtherNotice,
        select(*columns)
        .where(
            work.owns(MessageRow),
            MessageRow.notice_channel_id == channel_id,
            MessageRow.id != message_id,
            MessageRow.wording.in_(list(wordings)),
            (MessageRow.state == "pending")
            | ((MessageRow.state == "sent") & (MessageRow.sent_at > sent_after)),
        )
        .order_by(MessageRow.id),
    )


async def postpone(work: UnitOfWork, message_id: UUID, *, until: datetime) -> None:
    """Let a notice wait for its channel's turn; this is no attempt."""
    await work.execute(
        update(MessageRow)
        .where(work.owns(MessageRow), MessageRow.id == message_id, MessageRow.state == "pending")
        .values(next_attempt_at=until),
        unaudited="waiting its turn is no event",
    )


async def sent_along(work: UnitOfWork, message_ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that these went with the message that has just gone."""
    await _end(work, MessageRow.id.in_(message_ids), state="sent", sent_at=now, trouble="bundled")


async def cancel_all_to(work: UnitOfWork, channel_id: UUID) -> None:
    """Send nothing more to a channel that is no more."""
    await _end(
        work, MessageRow.notice_channel_id == channel_id, state="cancelled", sent_at=None, trouble="gone"
    )


async def _end(
    work: UnitOfWork,
    which: Any,  # noqa: ANN401 - SQLAlchemy's type of a condition
    *,
    state: str,
    sent_at: datetime | None,
    trouble: str,
) -> None:
    await work.execute(
        update(MessageRow)
        .where(work.owns(MessageRow), which, MessageRow.state == "pending")
        .values(state=state, sent_at=sent_at, trouble=trouble, claimed_until=None)
    )


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
    return await work.all(
        SentNotification,
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
            work.owns(notification),
            notification.patient_id == patient_id,
            notification.body.contains(f'"{subject}":"{subject_id}"'),
        )
        .order_by(notification.occurred_at, notification.id, delivery.id),
    )
