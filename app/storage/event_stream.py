"""A clinic's events in one order, for pulling, and where its patients stand, for a receiver that begins.

An event is written with its cause and has no position yet: which of two overlapping transactions commits first is
not known before it has. Positions are given to what is committed, by one transaction at a time, so that nothing ever
appears before a position that was already read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped

from app.storage.alerts import OPEN_STATES, Alert
from app.storage.deliveries import EventPlaceRow, Notification
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, one_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.patient_merges import PatientMerge
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal


class EventStreamRow(TenantRow):
    """How far a clinic's stream reaches. Whoever gives positions holds this row."""

    __tablename__ = "event_streams"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    last_position: Mapped[int]
    # What stands here or before is too old to be read.
    begins_after: Mapped[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReach:
    """How far the stream reaches, in which state of the database."""

    epoch: str
    begins_after: int
    last_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedEvent:
    """An event with its position; ``body`` is the text that webhooks send."""

    id: UUID
    position: int
    body: str


# The same patient's events stand in the patient's own order, whatever their clocks said; the others by time.
_PLACE: Final = text("""
    WITH unplaced AS (
        SELECT n.id, n.patient_id, e.patient_sequence,
               max(n.occurred_at) OVER (PARTITION BY coalesce(n.patient_id, n.id) ORDER BY e.patient_sequence, n.id
                                        ROWS UNBOUNDED PRECEDING) AS at
          FROM care.event_places e
          JOIN care.notifications n ON n.clinic_id = e.clinic_id AND n.id = e.notification_id
         WHERE e.clinic_id = :clinic_id AND e.position IS NULL
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY at, patient_id, patient_sequence, id) AS number FROM unplaced
    )
    UPDATE care.event_places e SET position = :last_position + numbered.number
      FROM numbered WHERE e.clinic_id = :clinic_id AND e.notification_id = numbered.id
""")
_FORGET: Final = text("""
    WITH old AS (
        DELETE FROM care.event_places e USING care.notifications n
         WHERE e.clinic_id = :clinic_id AND n.clinic_id = e.clinic_id AND n.id = e.notification_id
           AND e.position IS NOT NULL AND n.occurred_at < :before
        RETURNING e.position
    )
    SELECT max(position) FROM old
""")
_EPOCH: Final = text("""
    SELECT left(md5(concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
                                   (SELECT timeline_id FROM pg_control_checkpoint()),
                                   (SELECT oid FROM pg_database WHERE datname = current_database()))), 8)
""")


async def place(work: UnitOfWork) -> None:
    """Give positions to what was committed without one.

    The transaction must see what was committed before each of its statements, so it is no snapshot.
    """
    last = await _hold(work)
    placed = await work.execute(_PLACE, {"clinic_id": work.clinic_id, "last_position": last})
    if placed.rowcount:
        await _move(work, last_position=last + placed.rowcount)


async def forget(work: UnitOfWork, *, before: datetime) -> None:
    """Take what happened before then out of the stream: it begins after that. The log of deliveries stays."""
    await _hold(work)
    found = await work.execute(_FORGET, {"clinic_id": work.clinic_id, "before": before})
    begins_after = found.scalar_one()
    if begins_after is not None:
        await _move(work, begins_after=func.greatest(EventStreamRow.begins_after, begins_after))


async def _hold(work: UnitOfWork) -> int:
    """Keep others off the stream until the transaction ends; gives the last position."""
    row = EventStreamRow
    beginning = {"clinic_id": work.clinic_id, "last_position": 0, "begins_after": 0}
    await work.execute(insert(row).values(beginning).on_conflict_do_nothing(), unaudited="a counter")
    held = select(row.last_position).where(work.owns(row)).with_for_update()
    return int((await work.execute(held)).scalar_one())


async def _move(work: UnitOfWork, **values: Any) -> None:  # noqa: ANN401 - columns
    mine = work.owns(EventStreamRow)
    await work.execute(update(EventStreamRow).where(mine).values(**values), unaudited="a counter")


async def reach(work: UnitOfWork) -> StreamReach:
    """Say how far the stream reaches."""
    row = EventStreamRow
    found = await work.execute(select(row.begins_after, row.last_position).where(work.owns(row)))
    reach = found.one_or_none()
    epoch = (await work.execute(_EPOCH)).scalar_one()
    if reach is None:
        return StreamReach(epoch=epoch, begins_after=0, last_position=0)
    return StreamReach(epoch=epoch, begins_after=reach.begins_after, last_position=reach.last_position)


async def page(work: UnitOfWork, *, after: int, limit: int) -> Sequence[PlacedEvent]:
    """Give the events after a position, in order."""
    row, place = Notification, EventPlaceRow
    return await work.all(
        PlacedEvent,
        select(row.id, place.position, row.body)
        .join(place, (place.clinic_id == row.clinic_id) & (place.notification_id == row.id))
        .where(work.owns(row), work.owns(place), place.position > after)
        .order_by(place.position)
        .limit(limit),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """One patient's row of a snapshot, without the alerts."""

    id: UUID
    mode: str
    level: str
    archived_reason: str | None
    merged_into: UUID | None
    consent_version: str | None
    consent_withdrawn_at: datetime | None
    announced: list[str]


async def snapshot_page(work: UnitOfWork, *, after: UUID | None, limit: int) -> list[SnapshotEntry]:
    """List patients in the order of their ids."""
    patient, state, merge = PatientRow, PatientStateRow, PatientMerge
    statement = (
        select(
            patient.id,
            patient.mode,
            state.level,
            patient.archived_reason,
            merge.into_id.label("merged_into"),
            state.consent_version,
            state.consent_withdrawn_at,
            state.announced,
        )
        .join(state, (state.clinic_id == patient.clinic_id) & (state.patient_id == patient.id))
        .outerjoin(
            merge,
            (merge.clinic_id == patient.clinic_id)
            & (merge.patient_id == patient.id)
            & merge.unmerged_at.is_(None),
        )
        .where(work.owns(patient))
        .order_by(patient.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(patient.id > after)
    return await work.all(SnapshotEntry, statement)


async def open_signals(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """List the open signals of several patients."""
    return await _open(work, Signal, ("state", "level", "criterion"), patient_ids)


async def open_safety_events(
    work: UnitOfWork, patient_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """List the open safety events of several patients."""
    return await _open(work, SafetyEvent, ("state", "urgent"), patient_ids)


async def open_findings(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """List the open findings of several patients."""
    return await _open(work, Finding, ("state", "code"), patient_ids)


async def _open(
    work: UnitOfWork, row: type[Alert], names: Sequence[str], patient_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    found = await work.execute(
        select(row.patient_id, row.id, *(getattr(row, name) for name in names))
        .where(work.owns(row), one_of(row.patient_id, patient_ids), row.state.in_(OPEN_STATES))
        .order_by(row.id)
    )
    alerts: dict[UUID, list[dict[str, Any]]] = {}
    for one in found:
        values = dict(one._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
        alerts.setdefault(values.pop("patient_id"), []).append(values)
    return alerts
