"""The log of what was sent: deliveries with every attempt, where they stand, and those that begin again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, cast, exists, func, or_, select, update

from app.storage import deliveries
from app.storage.deliveries import Attempt, Delivery, DeliveryRow, Notification
from app.storage.due_work import unclaimed
from app.storage.endpoints import Endpoint
from app.storage.engine.unit_of_work import UnitOfWork


async def page(
    work: UnitOfWork, endpoint_id: UUID, *, state: str | None, before: UUID | None, limit: int
) -> list[tuple[Delivery, list[Attempt]]]:
    """List an endpoint's deliveries, newest first, those in one state if so wished, each with its attempts."""
    statement = (
        deliveries.selected(work)
        .where(work.owns(DeliveryRow), DeliveryRow.endpoint_id == endpoint_id)
        .order_by(DeliveryRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(DeliveryRow.id < before)
    if state is not None:
        statement = statement.where(DeliveryRow.state == state)
    found = [deliveries.delivery_of(row) for row in await work.execute(statement)]
    return await _with_attempts(work, found)


async def find(work: UnitOfWork, delivery_id: UUID) -> tuple[Delivery, list[Attempt]] | None:
    """Find one delivery with its attempts."""
    statement = deliveries.selected(work).where(work.owns(DeliveryRow), DeliveryRow.id == delivery_id)
    row = (await work.execute(statement)).one_or_none()
    if row is None:
        return None
    (one,) = await _with_attempts(work, [deliveries.delivery_of(row)])
    return one


async def _with_attempts(
    work: UnitOfWork, listed: Sequence[Delivery]
) -> list[tuple[Delivery, list[Attempt]]]:
    found = await work.execute(
        select(
            Attempt.id,
            Attempt.delivery_id,
            Attempt.started_at,
            Attempt.milliseconds,
            Attempt.http_status,
            Attempt.error,
        )
        .where(
            work.owns(Attempt),
            Attempt.delivery_id.in_([delivery.id for delivery in listed]),
        )
        .order_by(Attempt.started_at, Attempt.id)
    )
    attempts: dict[UUID, list[Attempt]] = {delivery.id: [] for delivery in listed}
    for row in found:
        attempts[row.delivery_id].append(Attempt(**row._mapping))  # noqa: SLF001 - documented name
    return [(delivery, attempts[delivery.id]) for delivery in listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDay:
    """How much of what happened on one day was for an endpoint, and where it stands now."""

    day: date
    delivered: int
    waiting: int
    undelivered: int


async def by_day(
    work: UnitOfWork, endpoint_id: UUID, *, since: datetime, time_zone: str
) -> list[DeliveryDay]:
    """Count an endpoint's deliveries by the day of their events, on which there were any; days by this zone."""
    day = cast(func.timezone(time_zone, Notification.occurred_at), Date).label("day")
    state = DeliveryRow.state
    return await work.all(
        DeliveryDay,
        select(
            day,
            func.count().filter(state == "delivered").label("delivered"),
            func.count().filter(state == "pending").label("waiting"),
            func.count().filter(state.in_(_NOT_OUT)).label("undelivered"),
        )
        .join(
            DeliveryRow,
            and_(
                DeliveryRow.clinic_id == Notification.clinic_id,
                DeliveryRow.notification_id == Notification.id,
            ),
        )
        .where(
            work.owns(Notification),
            Notification.occurred_at >= since,
            DeliveryRow.endpoint_id == endpoint_id,
        )
        .group_by(day)
        .order_by(day),
    )


_NOT_OUT: Final = ("held", "exhausted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What is undelivered to one endpoint: how much, since when the oldest waits, how much of it is safety's."""

    endpoint_id: UUID
    endpoint_state: str
    held: int
    exhausted: int
    safety: int
    oldest_at: datetime


async def gave_up_on_safety(
    work: UnitOfWork, endpoint_id: UUID, *, since: datetime, other_than: UUID
) -> bool:
    """Say whether another safety delivery to an endpoint, first tried since then, was exhausted."""
    found = await work.execute(
        select(
            exists().where(
                work.owns(DeliveryRow),
                DeliveryRow.endpoint_id == endpoint_id,
                DeliveryRow.urgency == "safety",
                DeliveryRow.state == "exhausted",
                DeliveryRow.first_attempt_at >= since,
                DeliveryRow.id != other_than,
            )
        )
    )
    return bool(found.scalar_one())


async def undelivered(work: UnitOfWork) -> list[Undelivered]:
    """Sum up by endpoint what is held or exhausted now, what waits longest first; of a removed one nobody waits."""
    oldest_at = func.min(Notification.occurred_at)
    return await work.all(
        Undelivered,
        select(
            Endpoint.id.label("endpoint_id"),
            Endpoint.state.label("endpoint_state"),
            func.count().filter(DeliveryRow.state == "held").label("held"),
            func.count().filter(DeliveryRow.state == "exhausted").label("exhausted"),
            func.count().filter(DeliveryRow.urgency == "safety").label("safety"),
            oldest_at.label("oldest_at"),
        )
        .join_from(DeliveryRow, Notification, _carried_by_it())
        .join(Endpoint, _goes_there())
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.state.in_(_NOT_OUT),
            Endpoint.state != "removed",
        )
        .group_by(Endpoint.id, Endpoint.state)
        .order_by(oldest_at, Endpoint.id),
    )


async def newly_held(work: UnitOfWork, *, notified_before: datetime) -> list[UUID]:
    """List disabled endpoints for which something was held of which nobody was notified since then."""
    notified_at = Endpoint.trouble_notified_at
    held = exists().where(
        _goes_there(),
        DeliveryRow.state == "held",
        _carried_by_it(),
        or_(notified_at.is_(None), Notification.occurred_at > notified_at),
    )
    found = await work.execute(
        select(Endpoint.id)
        .where(
            work.owns(Endpoint),
            Endpoint.state == "disabled",
            or_(notified_at.is_(None), notified_at <= notified_before),
            held,
        )
        .order_by(Endpoint.id)
    )
    return list(found.scalars())


async def was_delivered(work: UnitOfWork, *, event_type: str) -> bool:
    """Say whether an endpoint that is enabled now has ever answered an event of this type with 2xx."""
    delivered = (
        select(DeliveryRow.id)
        .join(Notification, _carried_by_it())
        .join(Endpoint, _goes_there())
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.state == "delivered",
            Notification.type == event_type,
            Endpoint.state == "enabled",
        )
    )
    found = await work.execute(select(delivered.exists()))
    return bool(found.scalar_one())


def _carried_by_it() -> ColumnElement[bool]:
    """Find what a delivery carries."""
    return (Notification.clinic_id == DeliveryRow.clinic_id) & (
        Notification.id == DeliveryRow.notification_id
    )


def _goes_there() -> ColumnElement[bool]:
    """Find where a delivery goes."""
    return (Endpoint.clinic_id == DeliveryRow.clinic_id) & (Endpoint.id == DeliveryRow.endpoint_id)


async def begin_again(work: UnitOfWork, delivery_id: UUID, *, now: datetime) -> None:
    """Start a delivery's schedule again, with the same ``webhook-id``."""
    await work.execute(
        update(DeliveryRow)
        .where(work.owns(DeliveryRow), DeliveryRow.id == delivery_id)
        .values(**_from_the_start(now))
    )


async def release_held(work: UnitOfWork, endpoint_id: UUID, *, now: datetime) -> None:
    """Begin all held deliveries of an endpoint again."""
    await work.execute(
        update(DeliveryRow)
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.endpoint_id == endpoint_id,
            DeliveryRow.state == "held",
        )
        .values(**_from_the_start(now))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Which of an endpoint's deliveries are to go out again: of what happened since then, what did not arrive."""

    endpoint_id: UUID
    since: datetime
    # When it was asked for: what happens later is on its way anyhow.
    asked_at: datetime
    also_delivered: bool


async def begin_again_since(work: UnitOfWork, recovery: Recovery) -> int:
    """Begin these deliveries again; gives how many. What a worker holds or is due already is left as it is."""
    waits = (DeliveryRow.state == "pending") & (DeliveryRow.next_attempt_at > recovery.asked_at)
    wanted = DeliveryRow.state.in_(
        ("exhausted", "held", *(("delivered",) if recovery.also_delivered else ()))
    )
    begun = await work.execute(
        update(DeliveryRow)
        .where(
            work.owns(DeliveryRow),
            DeliveryRow.endpoint_id == recovery.endpoint_id,
            Notification.clinic_id == DeliveryRow.clinic_id,
            Notification.id == DeliveryRow.notification_id,
            Notification.occurred_at.between(recovery.since, recovery.asked_at),
            or_(waits, wanted),
            unclaimed(DeliveryRow.claimed_until, recovery.asked_at),
        )
        .values(**_from_the_start(recovery.asked_at))
    )
    return int(begun.rowcount)


def _from_the_start(now: datetime) -> dict[str, Any]:
    """Give the start of a schedule; the ``webhook-id`` stays."""
    return {
        "state": "pending",
        "attempts_made": 0,
        "first_attempt_at": None,
        "next_attempt_at": now,
        "claimed_until": None,
        "delivered_at": None,
    }
