"""Deliveries that begin again from the start of their schedule: one, those that were held, those since a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update

from app.foundation.audit import AuditEvent
from app.storage.deliveries import DeliveryRow, NotificationRow
from app.storage.engine.unit_of_work import UnitOfWork


async def begin_again(work: UnitOfWork, delivery_id: UUID, *, now: datetime, audit: AuditEvent) -> None:
    """Start a delivery's schedule anew, with the same ``webhook-id``."""
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id)
        .values(**_anew(now))
    )
    work.add_audit_event(audit)


async def release_held(
    work: UnitOfWork, endpoint_id: UUID, *, now: datetime, audit: AuditEvent
) -> list[tuple[UUID, bool]]:
    """Begin all held deliveries of an endpoint again; gives their ids and whether they are safety deliveries."""
    begun = await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.endpoint_id == endpoint_id,
            DeliveryRow.state == "held",
        )
        .values(**_anew(now))
        .returning(DeliveryRow.id, DeliveryRow.urgency)
    )
    work.add_audit_event(audit)
    return [(row.id, row.urgency == "safety") for row in begun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Which of an endpoint's deliveries are to go out again: of what happened since then, what did not arrive."""

    endpoint_id: UUID
    since: datetime
    # When it was asked for: what happens later is on its way anyhow.
    asked_at: datetime
    also_delivered: bool


async def begin_again_since(
    work: UnitOfWork, recovery: Recovery, *, after: UUID | None, limit: int, audit: AuditEvent
) -> list[tuple[UUID, bool]]:
    """Begin the next so many of these deliveries again, in the order they were written.

    Gives their ids and whether they are safety deliveries. What a worker holds or is due already is left as it is.
    """
    waits = (DeliveryRow.state == "pending") & (DeliveryRow.next_attempt_at > recovery.asked_at)
    wanted = DeliveryRow.state.in_(
        ("exhausted", "held", *(("delivered",) if recovery.also_delivered else ()))
    )
    chosen = (
        select(DeliveryRow.id)
        .join(
            NotificationRow,
            (NotificationRow.clinic_id == DeliveryRow.clinic_id)
            & (NotificationRow.id == DeliveryRow.notification_id),
        )
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.endpoint_id == recovery.endpoint_id,
            NotificationRow.occurred_at.between(recovery.since, recovery.asked_at),
            or_(waits, wanted),
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= recovery.asked_at),
            *((DeliveryRow.id > after,) if after else ()),
        )
        .order_by(DeliveryRow.id)
        .limit(limit)
        .with_for_update(of=DeliveryRow)
    )
    begun = await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id.in_(chosen))
        .values(**_anew(recovery.asked_at))
        .returning(DeliveryRow.id, DeliveryRow.urgency)
    )
    ids = sorted((row.id, row.urgency == "safety") for row in begun)
    if ids:
        work.add_audit_event(audit)
    return ids


def _anew(now: datetime) -> dict[str, Any]:
    """Give the start of a schedule; the ``webhook-id`` stays."""
    return {
        "state": "pending",
        "attempts_made": 0,
        "first_attempt_at": None,
        "next_attempt_at": now,
        "claimed_until": None,
        "delivered_at": None,
    }
