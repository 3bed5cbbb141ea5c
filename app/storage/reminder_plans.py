"""How each patient wants to be asked, and when we look at them next: one row a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Executable, Index, Select, Time, bindparam, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage import stopped_numbers
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, one_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork

# What holds until a patient says otherwise.
ASK_AT: Final = time(18)
QUIET_FROM: Final = time(21)
QUIET_UNTIL: Final = time(8)
CHANNELS: Final = ("push", "gateway", "email")


class ReminderPlan(TenantRow):
    """A patient's choices and the next look, as stored."""

    __tablename__ = "reminder_plans"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_reminder_plans_look", "clinic_id", "next_look_at"),
        Index(
            "ix_reminder_plans_overdue",
            "clinic_id",
            "overdue_announced_for",
            postgresql_where=text("overdue_announced_for IS NOT NULL"),
        ),
        Index(
            "ix_reminder_plans_sms_number",
            "clinic_id",
            "sms_number_index",
            postgresql_where=text("sms_number_index IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    # Local times: the patient's zone is where the patient is.
    ask_at: Mapped[time] = mapped_column(Time())
    quiet_from: Mapped[time] = mapped_column(Time())
    quiet_until: Mapped[time] = mapped_column(Time())
    channels: Mapped[list[str]]
    sms_number_sealed: Mapped[bytes | None]
    paused_until: Mapped[date | None]
    # When the sweep looks whether something is due; once a day, at the time the patient chose.
    next_look_at: Mapped[datetime]
    # The silence that was announced to the clinic, by the day before it began; None while there is none.
    overdue_announced_for: Mapped[date | None]
    # The number as a text from it is found by. All that follows is about this one number.
    sms_number_index: Mapped[bytes | None] = mapped_column(default=None)
    # Since when the patient is known to hold it.
    sms_confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    # The code that was last sent there: how often it was tried, and how many were sent since when.
    sms_code_digest: Mapped[bytes | None] = mapped_column(default=None)
    sms_code_expires_at: Mapped[datetime | None] = mapped_column(default=None)
    sms_code_tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    sms_codes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    sms_codes_since: Mapped[datetime | None] = mapped_column(default=None)
    # Whether the number wants no texts, whoever gave it: of `stopped_numbers`, as of when the plan was read.
    sms_stopped: bool = False


OF_NUMBER: Final = (
    "sms_number_index",
    "sms_confirmed_at",
    "sms_code_digest",
    "sms_code_expires_at",
    "sms_code_tries",
    "sms_codes",
    "sms_codes_since",
)
"""What is known of a plan's number: in this installation, whose key finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLook:
    """When to look at a patient again, and of which silence the clinic knows by then."""

    patient_id: UUID
    at: datetime
    overdue_announced_for: date | None


async def add(work: UnitOfWork, patient_id: UUID, *, look_at: datetime) -> None:
    """Keep a new patient's plan, with what holds until the patient says otherwise."""
    await work.execute(_new(patient_id, look_at))


@built_once
def _new(work: Owner, patient_id: UUID, look_at: datetime) -> Executable:
    return insert(ReminderPlan).values(
        clinic_id=work.clinic_id,
        patient_id=patient_id,
        ask_at=ASK_AT,
        quiet_from=QUIET_FROM,
        quiet_until=QUIET_UNTIL,
        channels=list(CHANNELS),
        sms_number_sealed=None,
        paused_until=None,
        next_look_at=look_at,
        overdue_announced_for=None,
        sms_code_tries=0,
        sms_codes=0,
    )


async def find(work: UnitOfWork, patient_id: UUID) -> ReminderPlan | None:
    """Find a patient's plan."""
    return (await find_many(work, [patient_id])).get(patient_id)


async def find_many(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, ReminderPlan]:
    """Find the plans of several patients."""
    row = ReminderPlan
    found = await work.execute(_plans(work).where(work.owns(row), one_of(row.patient_id, patient_ids)))
    return {one.patient_id: ReminderPlan(**one._mapping) for one in found}  # noqa: SLF001 - SQLAlchemy's documented name for it


async def lock(work: UnitOfWork, patient_id: UUID) -> ReminderPlan | None:
    """Find a patient's plan, and keep others off it until the transaction ends."""
    return await work.one(ReminderPlan, _plans(work).where(_of(work, patient_id)).with_for_update())


async def holder_of_number(work: UnitOfWork, number_index: bytes) -> UUID | None:
    """Find the patient who confirmed this number; of several, the last."""
    row = ReminderPlan
    found = await work.execute(
        select(row.patient_id)
        .where(
            work.owns(row),
            row.sms_number_index == number_index,
            row.sms_confirmed_at.is_not(None),
        )
        .order_by(row.sms_confirmed_at.desc(), row.patient_id)
        .limit(1)
    )
    return found.scalar_one_or_none()


async def lock_with_number(work: UnitOfWork, number_index: bytes) -> list[ReminderPlan]:
    """Find the plans that have this number, confirmed or not, and keep others off them."""
    row = ReminderPlan
    return await work.all(
        ReminderPlan,
        _plans(work)
        .where(work.owns(row), row.sms_number_index == number_index)
        .order_by(row.patient_id)
        .with_for_update(),
    )


async def change_number(work: UnitOfWork, plan: ReminderPlan) -> None:
    """Keep what is known of a plan's number again: its code, and whether it is confirmed."""
    await work.execute(
        update(ReminderPlan)
        .where(_of(work, plan.patient_id))
        .values({name: getattr(plan, name) for name in OF_NUMBER})
    )


async def change(work: UnitOfWork, plan: ReminderPlan) -> None:
    """Keep what a patient chose again, with the next look that follows from it."""
    await work.execute(
        update(ReminderPlan)
        .where(_of(work, plan.patient_id))
        .values(
            ask_at=plan.ask_at,
            quiet_from=plan.quiet_from,
            quiet_until=plan.quiet_until,
            channels=plan.channels,
            sms_number_sealed=plan.sms_number_sealed,
            paused_until=plan.paused_until,
            next_look_at=plan.next_look_at,
            **{name: getattr(plan, name) for name in OF_NUMBER},
        )
    )


async def look_at(work: UnitOfWork, patient_id: UUID, at: datetime) -> None:
    """Have the sweep look at a patient at this time, whatever it was going to do."""
    await work.execute(
        update(ReminderPlan).where(_of(work, patient_id)).values(next_look_at=at),
        unaudited="when to look next is no event; the change it follows from is in the log",
    )


async def take_due(work: UnitOfWork, *, now: datetime, limit: int) -> list[UUID]:
    """Take patients whose look is due and that nobody else looks at; they are ours until the transaction ends."""
    row = ReminderPlan
    found = await work.execute(
        select(row.patient_id)
        .where(work.owns(row), row.next_look_at <= now)
        .order_by(row.next_look_at, row.patient_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found.scalars())


async def looked(work: UnitOfWork, looks: Sequence[NextLook]) -> None:
    """Note when each patient is looked at next; what was done at this look is recorded by itself."""
    row = ReminderPlan
    await work.execute(
        update(row)
        .where(work.owns(row), row.patient_id == bindparam("whose"))
        .values(next_look_at=bindparam("at"), overdue_announced_for=bindparam("announced_for"))
        .execution_options(synchronize_session=False),
        [
            {"whose": one.patient_id, "at": one.at, "announced_for": one.overdue_announced_for}
            for one in looks
        ],
        unaudited="when to look next is no event; what was asked at this look is in the log",
    )


def _plans(work: UnitOfWork) -> Select[Any]:
    plan = ReminderPlan
    stopped = stopped_numbers.is_stopped(work, plan.sms_number_index)
    return select(*columns_of(plan), stopped.label("sms_stopped"))


def _of(work: UnitOfWork, patient_id: UUID) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a condition
    return work.owns(ReminderPlan) & (ReminderPlan.patient_id == patient_id)


async def longest_not_looked_at(work: UnitOfWork) -> datetime | None:
    """Say since when the sweep should have looked at the patient who waits longest for it."""
    plan = ReminderPlan
    found = await work.execute(select(func.min(plan.next_look_at)).where(work.owns(plan)))
    since: datetime | None = found.scalar_one()
    return since
