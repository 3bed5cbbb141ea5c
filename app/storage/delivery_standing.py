"""Where deliveries stand: which wait behind which, what has arrived, what was given up."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import aliased

from app.storage.deliveries import Delivery, DeliveryRow, NotificationRow
from app.storage.endpoints import EndpointRow
from app.storage.unit_of_work import UnitOfWork

_OTHER: Final = aliased(DeliveryRow)


async def safety_waits_before(work: UnitOfWork, delivery: Delivery) -> bool:
    """Say whether a safety delivery to the same endpoint is still on its way; all others wait behind it."""
    found = await work.execute(select(_pending_safety(work, delivery).exists()))
    return bool(found.scalar_one())


async def earlier_waits_before(work: UnitOfWork, delivery: Delivery, *, event_type: str) -> bool:
    """Say whether an earlier safety event of this type, about the same patient, is still on its way there.

    Only about the same patient: what one patient said must not hold up what another did.
    """
    earlier, own = aliased(NotificationRow), aliased(NotificationRow)
    statement = (
        _pending_safety(work, delivery)
        .join(earlier, (earlier.clinic_id == _OTHER.clinic_id) & (earlier.id == _OTHER.notification_id))
        .join(own, (own.clinic_id == earlier.clinic_id) & (own.patient_id == earlier.patient_id))
        .where(earlier.type == event_type, earlier.id < own.id, own.id == delivery.notification_id)
    )
    found = await work.execute(select(statement.exists()))
    return bool(found.scalar_one())


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


async def not_out(work: UnitOfWork) -> tuple[int, int]:
    """Count what is held or exhausted, and how much of it is safety's."""
    found = await work.execute(
        select(
            func.count().label("all_of_it"),
            func.count().filter(DeliveryRow.urgency == "safety").label("safety"),
        ).where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.state.in_(["held", "exhausted"]))
    )
    row = found.one()
    return row.all_of_it, row.safety


async def was_delivered(work: UnitOfWork, *, event_type: str) -> bool:
    """Say whether an endpoint that is enabled now has ever answered an event of this type with 2xx."""
    delivered = (
        select(DeliveryRow.id)
        .join(
            NotificationRow,
            (NotificationRow.clinic_id == DeliveryRow.clinic_id)
            & (NotificationRow.id == DeliveryRow.notification_id),
        )
        .join(
            EndpointRow,
            (EndpointRow.clinic_id == DeliveryRow.clinic_id) & (EndpointRow.id == DeliveryRow.endpoint_id),
        )
        .where(
            DeliveryRow.clinic_id == work.clinic_id,
            DeliveryRow.state == "delivered",
            NotificationRow.type == event_type,
            EndpointRow.state == "enabled",
        )
    )
    found = await work.execute(select(delivered.exists()))
    return bool(found.scalar_one())


def _pending_safety(work: UnitOfWork, delivery: Delivery) -> Select[Any]:
    """Find the other safety deliveries that are on their way to the same endpoint."""
    return select(_OTHER.id).where(
        _OTHER.clinic_id == work.clinic_id,
        _OTHER.endpoint_id == delivery.endpoint_id,
        _OTHER.state == "pending",
        _OTHER.urgency == "safety",
        _OTHER.id != delivery.id,
    )
