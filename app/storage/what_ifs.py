"""What a clinic tried: other numbers over its own past, and what they would have raised. The last try is kept."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, delete, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRow


class StoredWhatIf(TenantRow):
    """A what-if run as stored."""

    __tablename__ = "what_ifs"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("state in ('waiting', 'done', 'failed')", name="state"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID | None]
    # Those that differ from the service's own: what would be activated.
    numbers: Mapped[dict[str, Any]]
    from_day: Mapped[date]
    to_day: Mapped[date]
    state: Mapped[str] = mapped_column(default="waiting")
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    # Counts only; whose they are stands in the rows of the patients.
    found: Mapped[dict[str, Any] | None] = mapped_column(default=None)


class RaisedDays(TenantRow):
    """The days on which one patient's signals were raised under each set of numbers; erased with the patient."""

    __tablename__ = "what_if_patients"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "what_if_id"],
            [f"{CARE}.what_ifs.clinic_id", f"{CARE}.what_ifs.id"],
            ondelete="CASCADE",
        ),
        clinic_foreign_key("patient_id", of="patients"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    what_if_id: Mapped[UUID] = mapped_column(primary_key=True, init=False)
    now_on: Mapped[list[date]] = mapped_column(ARRAY(Date()))
    instead_on: Mapped[list[date]] = mapped_column(ARRAY(Date()))


async def replace_last(work: UnitOfWork, one: StoredWhatIf) -> None:
    """Keep a new try instead of the one before."""
    await work.execute(delete(StoredWhatIf).where(work.owns(StoredWhatIf)))
    values = values_of(one)
    await work.execute(insert(StoredWhatIf).values(clinic_id=work.clinic_id, **values))


async def find(
    work: UnitOfWork, what_if_id: UUID | None = None, *, lock: bool = False
) -> StoredWhatIf | None:
    """Find a run of this clinic; without an id the last one. Lock it where it is about to be ended."""
    columns = columns_of(StoredWhatIf)
    statement = select(*columns).where(work.owns(StoredWhatIf))
    if what_if_id is not None:
        statement = statement.where(StoredWhatIf.id == what_if_id)
    statement = statement.order_by(StoredWhatIf.id.desc()).limit(1)
    return await work.one(StoredWhatIf, statement.with_for_update() if lock else statement)


async def end(
    work: UnitOfWork,
    what_if_id: UUID,
    *,
    found: dict[str, Any] | None,
    days: Sequence[RaisedDays],
    now: datetime,
) -> None:
    """Keep the outcome of a run, which the caller has locked; None: nothing could be found out."""
    await work.execute(
        update(StoredWhatIf)
        .where(work.owns(StoredWhatIf), StoredWhatIf.id == what_if_id)
        .values(state="failed" if found is None else "done", found=found, ended_at=now)
    )
    there = await _still_there(work, days)
    rows = [
        {
            "clinic_id": work.clinic_id,
            "what_if_id": what_if_id,
            "patient_id": one.patient_id,
            "now_on": one.now_on,
            "instead_on": one.instead_on,
        }
        for one in days
        if one.patient_id in there
    ]
    if rows:
        await work.execute(insert(RaisedDays), rows)


async def _still_there(work: UnitOfWork, days: Sequence[RaisedDays]) -> set[UUID]:
    """Who was erased while it was worked out is left out; the others cannot be erased until this commits."""
    found = await work.execute(
        select(PatientRow.id)
        .where(work.owns(PatientRow), PatientRow.id.in_([one.patient_id for one in days]))
        .order_by(PatientRow.id)
        .with_for_update(read=True, key_share=True)
    )
    return set(found.scalars())


async def days_of(work: UnitOfWork, what_if_id: UUID) -> list[RaisedDays]:
    """List the patients' days, in the order of their registration."""
    row = RaisedDays
    return await work.all(
        RaisedDays,
        select(row.patient_id, row.now_on, row.instead_on)
        .where(work.owns(row), row.what_if_id == what_if_id)
        .order_by(row.patient_id),
    )
