"""A clinic's events in one order, for pulling.

An event is written with its cause and has no position yet: which of two overlapping transactions commits first is
not known before it has. Positions are given to what is committed, by one transaction at a time, so that nothing ever
appears before a position that was already read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped

from app.storage.deliveries import NotificationRow
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class EventStreamRow(TenantRow):
    """How far a clinic's stream reaches. Whoever gives positions holds this row."""

    __tablename__ = "event_streams"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    last_position: Mapped[int]
    # What stands here or before is too old to be read.
    begins_after: Mapped[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStanding:
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
        SELECT id, patient_id, patient_sequence,
               max(occurred_at) OVER (PARTITION BY coalesce(patient_id, id) ORDER BY patient_sequence, id
                                      ROWS UNBOUNDED PRECEDING) AS at
          FROM care.notifications WHERE clinic_id = :clinic_id AND position IS NULL
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY at, patient_id, patient_sequence, id) AS number FROM unplaced
    )
    UPDATE care.notifications n SET position = :last_position + numbered.number
      FROM numbered WHERE n.clinic_id = :clinic_id AND n.id = numbered.id
""")
_EPOCH: Final = text("""
    SELECT left(md5(concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
                                   (SELECT timeline_id FROM pg_control_checkpoint()),
                                   (SELECT oid FROM pg_database WHERE datname = current_database()))), 8)
""")


async def place(work: UnitOfWork, *, forget_before: datetime) -> None:
    """Give positions to what was committed without one, and let the stream begin after what is older than that.

    The transaction must see what was committed before each of its statements, so it is no snapshot.
    """
    row = EventStreamRow
    beginning = {"clinic_id": work.clinic_id, "last_position": 0, "begins_after": 0}
    await work.execute(insert(row).values(beginning).on_conflict_do_nothing(), unaudited="a counter")
    mine = row.clinic_id == work.clinic_id
    last = (await work.execute(select(row.last_position).where(mine).with_for_update())).scalar_one()
    placed = await work.execute(_PLACE, {"clinic_id": work.clinic_id, "last_position": last})
    oldest = await work.execute(
        select(func.max(NotificationRow.position)).where(
            NotificationRow.clinic_id == work.clinic_id, NotificationRow.occurred_at < forget_before
        )
    )
    begins_after = oldest.scalar_one()
    await work.execute(
        update(row)
        .where(mine)
        .values(
            last_position=last + placed.rowcount,
            begins_after=func.greatest(row.begins_after, begins_after or 0),
        ),
        unaudited="a counter",
    )


async def standing(work: UnitOfWork) -> StreamStanding:
    """Say how far the stream reaches."""
    row = EventStreamRow
    found = await work.execute(
        select(row.begins_after, row.last_position).where(row.clinic_id == work.clinic_id)
    )
    reach = found.one_or_none()
    epoch = (await work.execute(_EPOCH)).scalar_one()
    if reach is None:
        return StreamStanding(epoch=epoch, begins_after=0, last_position=0)
    return StreamStanding(epoch=epoch, begins_after=reach.begins_after, last_position=reach.last_position)


async def page(work: UnitOfWork, *, after: int, limit: int) -> Sequence[PlacedEvent]:
    """Give the events after a position, in order."""
    row = NotificationRow
    found = await work.execute(
        select(row.id, row.position, row.body)
        .where(row.clinic_id == work.clinic_id, row.position > after)
        .order_by(row.position)
        .limit(limit)
    )
    return [PlacedEvent(**one._mapping) for one in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
