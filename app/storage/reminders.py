"""Reminders that went out, each once; and the days on which a clinic lets nobody be reminded."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Select, UniqueConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class Reminder(TenantRow):
    """One time that a patient was asked, as stored."""

    __tablename__ = "reminders"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        # Neither clocks that change nor two workers can ask twice.
        UniqueConstraint("clinic_id", "patient_id", "check_in_day", "slot"),
        CheckConstraint("channel in ('email', 'push', 'gateway')", name="channel"),
        CheckConstraint("slot in ('check_in')", name="slot"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    check_in_day: Mapped[date]
    # What was asked for.
    slot: Mapped[str]
    channel: Mapped[str]
    asked_at: Mapped[datetime]


async def add(work: UnitOfWork, reminder: Reminder) -> bool:
    """Note that a patient is asked, unless this was asked for that day already; says whether it was not."""
    values = values_of(reminder)
    added = await work.execute(
        insert(Reminder)
        .on_conflict_do_nothing(
            index_elements=["clinic_id", "patient_id", "check_in_day", "slot"],
        )
        .values(clinic_id=work.clinic_id, **values)
        .returning(Reminder.id)
    )
    return added.one_or_none() is not None


async def find_many(work: UnitOfWork, reminder_ids: Sequence[UUID]) -> dict[UUID, Reminder]:
    """Find several times that patients were asked."""
    found = await work.execute(_reminders(work).where(Reminder.id.in_(reminder_ids)))
    return {row.id: _reminder(row) for row in found}


async def latest(work: UnitOfWork, patient_id: UUID, *, limit: int) -> list[Reminder]:
    """List when a patient was asked, latest first."""
    statement = _reminders(work).where(Reminder.patient_id == patient_id)
    found = await work.execute(statement.order_by(Reminder.check_in_day.desc()).limit(limit))
    return [_reminder(row) for row in found]


def _reminders(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    return select(
        Reminder.id,
        Reminder.patient_id,
        Reminder.check_in_day,
        Reminder.slot,
        Reminder.channel,
        Reminder.asked_at,
    ).where(work.owns(Reminder))


def _reminder(row: Any) -> Reminder:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    return Reminder(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


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
    found = await work.execute(select(row.day).where(work.owns(row)).order_by(row.day))
    return tuple(found.scalars())


async def replace_all(work: UnitOfWork, days: Collection[date]) -> None:
    """Let these be the clinic's days, and no others."""
    row = DayWithoutRemindersRow
    await work.execute(delete(row).where(work.owns(row)))
    if days:
        await work.execute(insert(row), [{"clinic_id": work.clinic_id, "day": day} for day in days])
