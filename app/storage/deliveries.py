"""Notifications, their deliveries and attempts.

A notification is what happened, written once. A delivery is that notification to one endpoint, and has a
state. An attempt is one HTTP call, and never changes (the application may not update or delete it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Executable,
    ForeignKeyConstraint,
    Index,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
    values,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.foundation.tracing import span, traceparent
from app.storage.due_work import unclaimed
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, values_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork

# Written out and not given as parameters: a plan made for any value cannot use an index made for these, and would
# read all that was ever sent to an endpoint.
PENDING: Final[ColumnElement[str]] = literal_column("'pending'")
SAFETY: Final[ColumnElement[str]] = literal_column("'safety'")
ORDINARY: Final[ColumnElement[str]] = literal_column("'ordinary'")


class Notification(TenantRow):
    """What happened; ``body`` is the exact text to sign."""

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


async def latest_about(work: UnitOfWork, patient_id: UUID, *, type_: str, names: UUID) -> UUID | None:
    """Find the latest event of a type about a patient whose body names this id; None: none was sent, or no longer."""
    found = await work.execute(
        select(Notification.id)
        .where(
            work.owns(Notification),
            Notification.patient_id == patient_id,
            Notification.type == type_,
            Notification.body.contains(str(names)),
        )
        .order_by(Notification.occurred_at.desc(), Notification.id.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


class EventPlaceRow(TenantRow):
    """A notification's place in its clinic's stream of events; see ``event_stream``."""

    __tablename__ = "event_places"
    __table_args__ = (
        clinic_foreign_key("notification_id", of="notifications"),
        Index("ix_event_places_position", "clinic_id", "position", unique=True),
        Index(
            "ix_event_places_unplaced",
            "clinic_id",
            "notification_id",
            postgresql_where=text("position IS NULL"),
        ),
        {"schema": CARE},
    )

    notification_id: Mapped[UUID] = mapped_column(primary_key=True)
    # The how manieth of the patient's; the patient's events stand in this order.
    patient_sequence: Mapped[int | None]
    # Given after its cause was committed; null until then.
    position: Mapped[int | None]


class DeliveryRow(TenantRow):
    """One notification on its way to one endpoint."""

    __tablename__ = "deliveries"
    __table_args__ = (
        clinic_foreign_key("notification_id", of="notifications"),
        clinic_foreign_key("endpoint_id", of="webhook_endpoints"),
        CheckConstraint("urgency in ('safety', 'ordinary')", name="urgency"),
        CheckConstraint("state in ('pending', 'delivered', 'exhausted', 'held')", name="state"),
        Index("ix_deliveries_endpoint", "clinic_id", "endpoint_id", "id"),
        Index("ix_deliveries_notification", "clinic_id", "notification_id"),
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
            "next_attempt_at",
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
    # The trace in which its event was recorded; null: none was kept.
    traceparent: Mapped[str | None]
    # The how manieth event of its endpoint, where these are counted; given when it is first sent.
    number: Mapped[int | None] = mapped_column(BigInteger)


class Attempt(TenantRow):
    """One HTTP call, over."""

    __tablename__ = "attempts"
    __table_args__ = (
        clinic_foreign_key("delivery_id", of="deliveries"),
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
    traceparent: str | None
    number: int | None


async def add_notification(
    work: UnitOfWork,
    notification: Notification,
    deliveries: Sequence[NewDelivery],
    *,
    patient_sequence: int | None,
) -> None:
    """Keep what happened and where it has to go, due at once; its place in the stream is given later."""
    with span("event.recorded", clinic_id=work.clinic_id, notification_id=notification.id):
        followed = traceparent()
    what = {
        "type": notification.type,
        "patient_id": notification.patient_id,
        "occurred_at": notification.occurred_at,
        "body": notification.body,
    }
    await work.execute(_recorded(notification.id, patient_sequence, **what))
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
                    "next_attempt_at": work.real_now,
                    "claimed_until": None,
                    "delivered_at": None,
                    "traceparent": followed,
                }
                for delivery in deliveries
            ],
        )


@built_once
def _recorded(
    work: Owner,
    /,
    notification_id: UUID,
    patient_sequence: int | None,
    **values: Any,  # noqa: ANN401 - columns
) -> Executable:
    written = insert(Notification).values(clinic_id=work.clinic_id, id=notification_id, **values)
    place = insert(EventPlaceRow).values(
        clinic_id=work.clinic_id,
        notification_id=notification_id,
        patient_sequence=patient_sequence,
        position=None,
    )
    return place.add_cte(written.cte("written"))


async def claim_due(
    work: UnitOfWork, endpoint_id: UUID, *, safety: bool, now: datetime, until: datetime, limit: int
) -> list[Delivery]:
    """Take what is due to an endpoint for sending, until then: what waits longest first, each counted as tried.

    Ordinary events wait behind all safety events, an escalation behind the report that it is about. What another
    worker holds is passed over.
    """
    due = (
        select(DeliveryRow.id)
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.endpoint_id == endpoint_id,
            DeliveryRow.state == PENDING,
            DeliveryRow.urgency == (SAFETY if safety else ORDINARY),
            DeliveryRow.next_attempt_at <= now,
            unclaimed(DeliveryRow.claimed_until, now),
            _report_has_left() if safety else ~_safety_waits(),
        )
        # The order of the index of what is pending: no plan takes one that holds all that was ever sent.
        .order_by(DeliveryRow.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=DeliveryRow)
        .cte("due")
    )
    claimed = (
        update(DeliveryRow)
        .where(work.owns(DeliveryRow), DeliveryRow.id.in_(select(due.c.id)))
        .values(
            claimed_until=until,
            attempts_made=DeliveryRow.attempts_made + 1,
            first_attempt_at=func.coalesce(DeliveryRow.first_attempt_at, now),
        )
        .returning(*(getattr(DeliveryRow, name) for name in _OF_DELIVERY))
        .cte("claimed")
    )
    # What the attempt that follows brings is what the audit log records.
    found = await work.execute(
        select(claimed, Notification.type, Notification.occurred_at, Notification.body)
        .join(Notification, Notification.id == claimed.c.notification_id)
        .where(work.owns(Notification))
        .order_by(claimed.c.next_attempt_at, claimed.c.id)
    )
    return [delivery_of(row) for row in found]


async def give_numbers(work: UnitOfWork, delivery_ids: Sequence[UUID], *, first: int) -> None:
    """Number deliveries that have none, in this order."""
    numbers = {delivery_id: number for number, delivery_id in enumerate(delivery_ids, first)}
    await work.execute(
        update(DeliveryRow)
        .where(work.owns(DeliveryRow), DeliveryRow.id.in_(numbers))
        .values(number=case(numbers, value=DeliveryRow.id)),
        unaudited="the attempt that follows is",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """An attempt that is over, and what follows from it for its delivery."""

    attempt: Attempt
    state: str
    next_attempt_at: datetime | None
    delivered_at: datetime | None


async def lock_existing(work: UnitOfWork, delivery_ids: Sequence[UUID]) -> set[UUID]:
    """Keep others off these deliveries until the transaction ends; gives those that were not erased meanwhile."""
    found = await work.execute(
        select(DeliveryRow.id)
        .where(work.owns(DeliveryRow), DeliveryRow.id.in_(delivery_ids))
        .order_by(DeliveryRow.id)
        .with_for_update()
    )
    return set(found.scalars())


async def note_attempts(work: UnitOfWork, results: Sequence[AttemptResult]) -> None:
    """Keep attempts that are over, and what follows from each for its delivery; one statement for all of a kind."""
    await work.execute(
        insert(Attempt),
        [
            {
                "clinic_id": work.clinic_id,
                **values_of(result.attempt),
            }
            for result in results
        ],
    )
    following = values(
        column("id", Uuid),
        column("state", Text),
        column("next_attempt_at", DateTime(timezone=True)),
        column("delivered_at", DateTime(timezone=True)),
        name="following",
    ).data(
        [
            (result.attempt.delivery_id, result.state, result.next_attempt_at, result.delivered_at)
            for result in results
        ]
    )
    await work.execute(
        update(DeliveryRow)
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.id == following.c.id,
            # What was delivered once stays delivered, whatever a late second try says.
            DeliveryRow.state != "delivered",
        )
        .values(
            state=following.c.state,
            # A column of nothing but NULL would be text.
            next_attempt_at=cast(following.c.next_attempt_at, DateTime(timezone=True)),
            claimed_until=None,
            delivered_at=cast(following.c.delivered_at, DateTime(timezone=True)),
        )
    )


async def hold_all_of(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Hold what is on its way to an endpoint that was disabled; nothing is dropped."""
    await work.execute(
        update(DeliveryRow)
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.endpoint_id == endpoint_id,
            DeliveryRow.state == PENDING,
        )
        .values(state="held", claimed_until=None)
    )


def selected(work: UnitOfWork) -> Any:  # noqa: ANN401 - the select's row type has fourteen parameters
    """Give the beginning of a question about deliveries, to be narrowed down."""
    return (
        select(
            DeliveryRow.id,
            DeliveryRow.endpoint_id,
            DeliveryRow.notification_id,
            Notification.type,
            Notification.occurred_at,
            Notification.body,
            DeliveryRow.urgency,
            DeliveryRow.state,
            DeliveryRow.attempts_made,
            DeliveryRow.first_attempt_at,
            DeliveryRow.next_attempt_at,
            DeliveryRow.claimed_until,
            DeliveryRow.delivered_at,
            DeliveryRow.traceparent,
            DeliveryRow.number,
        )
        .join(
            Notification,
            (Notification.clinic_id == DeliveryRow.clinic_id)
            & (Notification.id == DeliveryRow.notification_id),
        )
        .where(work.owns(Notification))
    )


def delivery_of(row: Any) -> Delivery:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    """Make a delivery of a row of ``selected``."""
    return Delivery(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


_OF_DELIVERY: Final = tuple(name for name in Delivery.__dataclass_fields__ if hasattr(DeliveryRow, name))


def _pending_safety_beside() -> tuple[Any, ColumnElement[bool]]:
    """Name another delivery, and say that it is a safety delivery on its way to the same endpoint."""
    other = aliased(DeliveryRow)
    condition = and_(
        other.clinic_id == DeliveryRow.clinic_id,
        other.endpoint_id == DeliveryRow.endpoint_id,
        other.state == PENDING,
        other.urgency == SAFETY,
        other.id != DeliveryRow.id,
    )
    return other, condition


def _safety_waits() -> ColumnElement[bool]:
    """Whether a safety delivery to the same endpoint is still on its way."""
    other, beside = _pending_safety_beside()
    return select(other.id).where(beside).order_by(other.next_attempt_at).limit(1).exists()


def _report_has_left() -> ColumnElement[bool]:
    """Whether no earlier report of the same patient's, which this one escalates, is still on its way there.

    Only of the same patient's: what one patient said must not hold up what another did.
    """
    other, beside = _pending_safety_beside()
    own, earlier = aliased(Notification), aliased(Notification)
    return ~exists().where(
        beside,
        own.clinic_id == DeliveryRow.clinic_id,
        own.id == DeliveryRow.notification_id,
        own.type == "safety.unacknowledged",
        earlier.clinic_id == other.clinic_id,
        earlier.id == other.notification_id,
        earlier.type == "safety.reported",
        earlier.patient_id == own.patient_id,
        earlier.id < own.id,
    )
