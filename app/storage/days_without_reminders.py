"""Days on which a clinic lets nobody be reminded: its holidays."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import ForeignKeyConstraint, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class DayWithoutRemindersRow(TenantRow):
    """One day, by each patient's own calendar."""

    __tablename__ = "days_without_reminders"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        {"schema": CARE},
    )

    day: Mapped[date] = mapped_column(primary_key=True)


async def all_of_clinic(work: UnitOfWork) -> tuple[date, ...]:
    """List the clinic's days, the earliest first."""
    row = DayWithoutRemindersRow
    found = await work.execute(select(row.day).where(row.clinic_id == work.clinic_id).order_by(row.day))
    return tuple(found.scalars())


async def replace_all(work: UnitOfWork, days: Collection[date]) -> None:
    """Let these be the clinic's days, and no others."""
    row = DayWithoutRemindersRow
    await work.execute(delete(row).where(row.clinic_id == work.clinic_id))
    if days:
        await work.execute(insert(row), [{"clinic_id": work.clinic_id, "day": day} for day in days])
