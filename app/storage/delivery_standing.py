"""Where deliveries stand: which wait behind which, what has arrived, what was given up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select

from app.storage.deliveries import DeliveryRow, Notification
from app.storage.endpoints import Endpoint
from app.storage.engine.unit_of_work import UnitOfWork

_NOT_OUT: Final = ("held", "exhausted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What did not get out to one endpoint: how much, since when the oldest waits, how much of it is safety's."""

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
                DeliveryRow.clinic_id == work.clinic_id,
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
    found = await work.execute(
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
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.state.in_(_NOT_OUT),
            Endpoint.state != "removed",
        )
        .group_by(Endpoint.id, Endpoint.state)
        .order_by(oldest_at, Endpoint.id)
    )
    return [Undelivered(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


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
            Endpoint.clinic_id == work.clinic_id,
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
            DeliveryRow.clinic_id == work.clinic_id,
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
