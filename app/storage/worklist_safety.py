"""The worklist's safety events: those that wait for somebody first, each with whose it is."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import case, literal, select, tuple_

from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent, SafetyEventRow
from app.storage.worklist import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """A safety event as it is listed."""

    event: SafetyEvent
    external_ref_sealed: bytes
    wrapped_key: bytes | None
    time_zone: str


async def safety_page(
    work: UnitOfWork,
    *,
    acknowledged_by: UUID | None,
    patient_id: UUID | None,
    after: Place | None,
    limit: int,
) -> list[tuple[Place, ListedEvent]]:
    """List safety events that nobody has closed: those that wait for somebody first, oldest first."""
    event = SafetyEventRow
    part = case((event.state == "open", 0), else_=1)
    place = (part, event.received_at, event.id)
    columns = [getattr(event, name) for name in SafetyEvent.__dataclass_fields__]
    statement = (
        select(
            *columns,
            part.label("part"),
            PatientRow.external_ref_sealed,
            PatientRow.time_zone,
            wrapped_key_of(work, event.patient_id),
        )
        .join(PatientRow, (PatientRow.clinic_id == event.clinic_id) & (PatientRow.id == event.patient_id))
        .where(event.clinic_id == work.clinic_id, event.state.in_(["open", "acknowledged"]))
        .order_by(*place)
        .limit(limit)
    )
    if acknowledged_by is not None:
        statement = statement.where(event.acknowledged_by == acknowledged_by)
    if patient_id is not None:
        statement = statement.where(event.patient_id == patient_id)
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(*(literal(one) for one in after)))
    return [_event(row) for row in await work.execute(statement)]


def _event(row: Any) -> tuple[Place, ListedEvent]:  # noqa: ANN401 - SQLAlchemy's row type has no fields of its own
    event = SafetyEvent(**{name: getattr(row, name) for name in SafetyEvent.__dataclass_fields__})
    listed = ListedEvent(
        event=event,
        external_ref_sealed=row.external_ref_sealed,
        wrapped_key=row.wrapped_key,
        time_zone=row.time_zone,
    )
    return (row.part, event.received_at, event.id), listed
