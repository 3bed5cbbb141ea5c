"""Notifications, their deliveries and attempts.

A notification is what happened, told once. A delivery is that notification to one endpoint, and has a
state. An attempt is one HTTP call, and never changes (the application may not update or delete it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork

# Longer than any attempt may take (15 s), so that no two workers send at once.
CLAIM_LASTS: Final = timedelta(seconds=60)
# A worker that died with a safety delivery keeps it, and all that waits behind it, no longer than this. Sent twice
# it does no harm: the receiver knows its id.
SAFETY_CLAIM_LASTS: Final = timedelta(seconds=25)


# Written out and not given as parameters: a plan made for any value cannot use an index made for these, and would
# read all that was ever sent to an endpoint.
PENDING: Final[ColumnElement[str]] = literal_column("'pending'")
SAFETY: Final[ColumnElement[str]] = literal_column("'safety'")


class NotificationRow(TenantRow):
    """Something that happened, for the care team; its id is the ``webhook-id`` and never changes."""

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        Index("ix_notifications_occurred", "clinic_id", "occurred_at"),
        Index("ix_notifications_patient", "clinic_id", "patient_id", "occurred_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    patient_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    # The exact text that is signed and sent: ids, codes and times only.
    body: Mapped[str]


class DeliveryRow(TenantRow):
    """One notification on its way to one endpoint."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "notification_id"], [f"{CARE}.notifications.clinic_id", f"{CARE}.notifications.id"]
        ),
        ForeignKeyConstraint(
            ["clinic_id", "endpoint_id"],
            [f"{CARE}.webhook_endpoints.clinic_id", f"{CARE}.webhook_endpoints.id"],
        ),
        CheckConstraint("urgency in ('safety', 'ordinary')", name="urgency"),
        CheckConstraint("state in ('pending', 'delivered', 'exhausted', 'held')", name="state"),
        Index("ix_deliveries_endpoint", "clinic_id", "endpoint_id", "id"),
        Index(
            "ix_deliveries_not_out",
            "clinic_id",
            "notification_id",
            postgresql_where=text("state IN ('exhausted', 'held')"),
        ),
        Index(
            "ix_deliveries_due",
            "clinic_id",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_deliveries_safety_first",
            "clinic_id",
            "endpoint_id",
            postgresql_where=text("state = 'pending' AND urgency = 'safety'"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    urgency: Mapped[str]
    state: Mapped[str]
    attempts_made: Mapped[int]
    first_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    # While a worker is sending; a worker that died lets go of it when this time has passed.
    claimed_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class AttemptRow(TenantRow):
    """One HTTP call and how it ended."""

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "delivery_id"], [f"{CARE}.deliveries.clinic_id", f"{CARE}.deliveries.id"]
        ),
        Index("ix_attempts_delivery", "clinic_id", "delivery_id", "started_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID]
    started_at: Mapped[datetime]
    milliseconds: Mapped[int]
    http_status: Mapped[int | None]
    error: Mapped[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What happened; ``body`` is the exact text to sign."""

    id: UUID
    type: str
    patient_id: UUID | None
    occurred_at: datetime
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A notification's way to one endpoint, about to begin (or held, if the endpoint is disabled)."""

    id: UUID
    endpoint_id: UUID
    urgency: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery with what it carries."""

    id: UUID
    endpoint_id: UUID
    notification_id: UUID
    type: str
    occurred_at: datetime
    body: str
    urgency: str
    state: str
    attempts_made: int
    first_attempt_at: datetime | None
    next_attempt_at: datetime | None
    claimed_until: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP call, over."""

    id: UUID
    delivery_id: UUID
    started_at: datetime
    milliseconds: int
    http_status: int | None
    error: str | None


async def add_notification(
    work: UnitOfWork, notification: Notification, deliveries: Sequence[NewDelivery], *, audit: AuditEvent
) -> None:
    """Keep what happened and where it has to go; due at once."""
    await work.execute(
        insert(NotificationRow).values(
            clinic_id=work.clinic_id,
            id=notification.id,
            type=notification.type,
            patient_id=notification.patient_id,
            occurred_at=notification.occurred_at,
            body=notification.body,
        )
    )
    if deliveries:
        await work.execute(
            insert(DeliveryRow),
            [
                {
                    "clinic_id": work.clinic_id,
                    "id": delivery.id,
                    "notification_id": notification.id,
                    "endpoint_id": delivery.endpoint_id,
                    "urgency": delivery.urgency,
                    "state": delivery.state,
                    "attempts_made": 0,
                    "first_attempt_at": None,
                    "next_attempt_at": notification.occurred_at,
                    "claimed_until": None,
                    "delivered_at": None,
                }
                for delivery in deliveries
            ],
        )
    work.add_audit_event(audit)


async def lock(work: UnitOfWork, delivery_id: UUID) -> Delivery | None:
    """Find a delivery and keep others off it until the transaction ends."""
    mine = (DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id)
    await work.execute(select(DeliveryRow.id).where(*mine).with_for_update())
    found = await work.execute(selected(work).where(*mine))
    row = found.one_or_none()
    return row and delivery_of(row)


async def claim(work: UnitOfWork, delivery_id: UUID, *, until: datetime, now: datetime) -> None:
    """Take a delivery for sending, for a while; the attempt that follows is what the trail tells of."""
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id)
        .values(
            claimed_until=until,
            attempts_made=DeliveryRow.attempts_made + 1,
            first_attempt_at=func.coalesce(DeliveryRow.first_attempt_at, now),
        ),
        unaudited="a step of an attempt; the attempt that follows is in the log",
    )


async def note_attempt(
    work: UnitOfWork,
    attempt: Attempt,
    *,
    state: str,
    next_attempt_at: datetime | None,
    delivered_at: datetime | None,
    audit: AuditEvent,
) -> None:
    """Keep an attempt that is over, and what follows from it for the delivery."""
    await work.execute(
        insert(AttemptRow).values(
            clinic_id=work.clinic_id,
            id=attempt.id,
            delivery_id=attempt.delivery_id,
            started_at=attempt.started_at,
            milliseconds=attempt.milliseconds,
            http_status=attempt.http_status,
            error=attempt.error,
        )
    )
    await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.id == attempt.delivery_id,
            # What was delivered once stays delivered, whatever a late second try says.
            DeliveryRow.state != "delivered",
        )
        .values(state=state, next_attempt_at=next_attempt_at, claimed_until=None, delivered_at=delivered_at)
    )
    work.add_audit_event(audit)


async def hold_all_of(work: UnitOfWork, endpoint_id: UUID, *, audit: AuditEvent) -> None:
    """Hold what is on its way to an endpoint that was disabled; nothing is dropped."""
    await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.endpoint_id == endpoint_id,
            DeliveryRow.state == PENDING,
        )
        .values(state="held", claimed_until=None)
    )
    work.add_audit_event(audit)


async def hold(work: UnitOfWork, delivery_id: UUID, *, audit: AuditEvent) -> None:
    """Hold one delivery, whose endpoint was disabled while it was being written or looked at."""
    await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.id == delivery_id,
            DeliveryRow.state == PENDING,
        )
        .values(state="held", claimed_until=None)
    )
    work.add_audit_event(audit)


async def postpone(work: UnitOfWork, delivery_id: UUID, *, until: datetime) -> None:
    """Let a delivery wait its turn; this is no attempt."""
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id)
        .values(next_attempt_at=until),
        unaudited="waiting its turn is no event",
    )


async def take_overdue(
    work: UnitOfWork, *, before: datetime, now: datetime, limit: int
) -> list[tuple[UUID, bool]]:
    """Take up deliveries that should have been tried before then and that no worker holds.

    They become due now, so that the next sweep does not take them up again while a worker gets to them.
    Gives the delivery's id and whether it is a safety delivery.
    """
    forgotten = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.state == PENDING,
            DeliveryRow.next_attempt_at <= before,
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
        )
        .order_by(DeliveryRow.urgency.desc(), DeliveryRow.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id.in_(forgotten))
        .values(next_attempt_at=now)
        .returning(DeliveryRow.id, DeliveryRow.urgency),
        unaudited="only wakes a worker; the attempt that follows is in the log",
    )
    return [(row.id, row.urgency == "safety") for row in taken]


def selected(work: UnitOfWork) -> Any:  # noqa: ANN401 - the select's row type has fourteen parameters
    """Give the beginning of a question about deliveries, to be narrowed down."""
    return (
        select(
            DeliveryRow.id,
            DeliveryRow.endpoint_id,
            DeliveryRow.notification_id,
            NotificationRow.type,
            NotificationRow.occurred_at,
            NotificationRow.body,
            DeliveryRow.urgency,
            DeliveryRow.state,
            DeliveryRow.attempts_made,
            DeliveryRow.first_attempt_at,
            DeliveryRow.next_attempt_at,
            DeliveryRow.claimed_until,
            DeliveryRow.delivered_at,
        )
        .join(
            NotificationRow,
            (NotificationRow.clinic_id == DeliveryRow.clinic_id)
            & (NotificationRow.id == DeliveryRow.notification_id),
        )
        .where(NotificationRow.clinic_id == work.clinic_id)
    )


def delivery_of(row: Any) -> Delivery:  # noqa: ANN401 - SQLAlchemy's row type has no fields of its own
    """Make a delivery of a row of ``selected``."""
    return Delivery(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
