"""Numbers that want no text messages of a clinic's, by keyed digest: one row a number, until it wants them again."""

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKeyConstraint, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class StoppedNumberRow(TenantRow):
    """A number that said STOP. It is of no patient: whoever types it in, and whoever is erased, changes nothing."""

    __tablename__ = "stopped_numbers"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        {"schema": CARE},
    )

    number_index: Mapped[bytes] = mapped_column(primary_key=True)
    stopped_at: Mapped[datetime]


async def add(work: UnitOfWork, number_index: bytes, *, at: datetime) -> bool:
    """Keep that a number wants no texts; says whether that is new."""
    return await work.changes(
        insert(StoppedNumberRow)
        .values(clinic_id=work.clinic_id, number_index=number_index, stopped_at=at)
        .on_conflict_do_nothing()
    )


async def remove(work: UnitOfWork, number_index: bytes) -> bool:
    """Let a number be texted again; says whether it was stopped."""
    row = StoppedNumberRow
    return await work.changes(delete(row).where(work.owns(row), row.number_index == number_index))


async def has(work: UnitOfWork, number_index: bytes) -> bool:
    """Say whether a number wants no texts."""
    found = await work.execute(select(is_stopped(work, number_index)))
    return bool(found.scalar_one())


def is_stopped(
    work: UnitOfWork, number_index: InstrumentedAttribute[bytes | None] | bytes
) -> ColumnElement[bool]:
    """Ask, within a statement, whether this number wants no texts."""
    row = StoppedNumberRow
    return exists().where(work.owns(row), row.number_index == number_index)
