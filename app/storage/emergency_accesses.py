"""Patients opened in an emergency: by whom, why (sealed), until when. Never changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import PatientKeyRow


class EmergencyAccess(TenantRow):
    """An access as stored."""

    __tablename__ = "emergency_accesses"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_emergency_accesses_open", "clinic_id", "staff_id", "patient_id", "ends_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    reason_sealed: Mapped[bytes]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]


async def add(work: UnitOfWork, access: EmergencyAccess) -> None:
    """Keep that a patient was opened."""
    values = values_of(access)
    await work.execute(insert(EmergencyAccess).values(clinic_id=work.clinic_id, **values))


async def page(
    work: UnitOfWork, *, before: UUID | None, limit: int
) -> list[tuple[EmergencyAccess, bytes | None]]:
    """List the clinic's accesses, newest first, each with the patient's wrapped key."""
    row, key = EmergencyAccess, PatientKeyRow
    columns = columns_of(EmergencyAccess)
    statement = (
        select(*columns, key.wrapped_key)
        .outerjoin(key, (key.clinic_id == row.clinic_id) & (key.patient_id == row.patient_id))
        .where(work.owns(row))
        .order_by(row.id.desc())
        .limit(limit)
    )
    found = await work.execute(statement if before is None else statement.where(row.id < before))
    made = []
    for one in found:
        values = dict(one._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
        wrapped_key = values.pop("wrapped_key")
        made.append((EmergencyAccess(**values), wrapped_key))
    return made


async def find_many(work: UnitOfWork, access_ids: Sequence[UUID]) -> dict[UUID, EmergencyAccess]:
    """Find several accesses of this clinic; those to an erased patient are gone."""
    row = EmergencyAccess
    columns = columns_of(EmergencyAccess)
    found = await work.execute(select(*columns).where(work.owns(row), row.id.in_(access_ids)))
    return {one.id: EmergencyAccess(**one._mapping) for one in found}  # noqa: SLF001 - SQLAlchemy's documented name for it


async def open_now(work: UnitOfWork, *, staff_id: UUID, patient_id: UUID, now: datetime) -> UUID | None:
    """Give the access that this member has opened to this patient, if it has not ended."""
    row = EmergencyAccess
    found = await work.execute(
        select(row.id)
        .where(
            work.owns(row),
            row.staff_id == staff_id,
            row.patient_id == patient_id,
            row.ends_at > now,
        )
        .order_by(row.ends_at.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def ends_at(work: UnitOfWork, access_id: UUID) -> datetime | None:
    """Say when an access ends."""
    row = EmergencyAccess
    found = await work.execute(select(row.ends_at).where(work.owns(row), row.id == access_id))
    return found.scalar_one_or_none()
