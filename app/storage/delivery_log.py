"""The log of what was sent: deliveries with every attempt, to be read."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.storage import deliveries
from app.storage.deliveries import Attempt, Delivery, DeliveryRow
from app.storage.engine.unit_of_work import UnitOfWork


async def page(
    work: UnitOfWork, endpoint_id: UUID, *, state: str | None, before: UUID | None, limit: int
) -> list[tuple[Delivery, list[Attempt]]]:
    """List an endpoint's deliveries, newest first, those in one state if so wished, each with its attempts."""
    statement = (
        deliveries.selected(work)
        .where(DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.endpoint_id == endpoint_id)
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
    statement = deliveries.selected(work).where(
        DeliveryRow.clinic_id == work.clinic_id, DeliveryRow.id == delivery_id
    )
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
            Attempt.clinic_id == work.clinic_id,
            Attempt.delivery_id.in_([delivery.id for delivery in listed]),
        )
        .order_by(Attempt.started_at, Attempt.id)
    )
    attempts: dict[UUID, list[Attempt]] = {delivery.id: [] for delivery in listed}
    for row in found:
        attempts[row.delivery_id].append(Attempt(**row._mapping))  # noqa: SLF001 - documented name
    return [(delivery, attempts[delivery.id]) for delivery in listed]
