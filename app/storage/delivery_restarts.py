"""Deliveries that begin again from the start of their schedule: one, those that were held, those since a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, update

from app.storage.deliveries import DeliveryRow, Notification
from app.storage.engine.unit_of_work import UnitOfWork


async def begin_again(work: UnitOfWork, delivery_id: UUID, *, now: datetime) -> None:
    """Start a delivery's schedule again, with the same ``webhook-id``."""
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id)
        .values(**_from_the_start(now))
    )


async def release_held(work: UnitOfWork, endpoint_id: UUID, *, now: datetime) -> None:
    """Begin all held deliveries of an endpoint again."""
    await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
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
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.endpoint_id == recovery.endpoint_id,
            Notification.clinic_id == DeliveryRow.clinic_id,
            Notification.id == DeliveryRow.notification_id,
            Notification.occurred_at.between(recovery.since, recovery.asked_at),
            or_(waits, wanted),
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= recovery.asked_at),
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
