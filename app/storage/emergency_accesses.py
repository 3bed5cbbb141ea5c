"""Patients opened in an emergency: by whom, why (sealed), until when. Never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.rows import CARE, TenantRow
from app.storage.unit_of_work import UnitOfWork


class EmergencyAccessRow(TenantRow):
    """One member, one patient, one stretch of time."""

    __tablename__ = "emergency_accesses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "staff_id"], [f"{CARE}.staff_members.clinic_id", f"{CARE}.staff_members.id"]
        ),
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        Index("ix_emergency_accesses_open", "clinic_id", "staff_id", "patient_id", "ends_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    reason_sealed: Mapped[bytes]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAccess:
    """An access as the trail shows it."""

    id: UUID
    staff_id: UUID
    opened_at: datetime
    ends_at: datetime


async def find_many(work: UnitOfWork, access_ids: Sequence[UUID]) -> dict[UUID, OpenedAccess]:
    """Find several accesses of this clinic; those to an erased patient are gone."""
    row = EmergencyAccessRow
    columns = [getattr(row, name) for name in OpenedAccess.__dataclass_fields__]
    found = await work.execute(
        select(*columns).where(row.clinic_id == work.clinic_id, row.id.in_(access_ids))
    )
    return {one.id: OpenedAccess(**one._mapping) for one in found}  # noqa: SLF001 - SQLAlchemy's documented name for it


async def open_now(work: UnitOfWork, *, staff_id: UUID, patient_id: UUID, now: datetime) -> UUID | None:
    """Give the access that this member has opened to this patient, if it has not ended."""
    row = EmergencyAccessRow
    found = await work.execute(
        select(row.id)
        .where(
            row.clinic_id == work.clinic_id,
            row.staff_id == staff_id,
            row.patient_id == patient_id,
            row.ends_at > now,
        )
        .order_by(row.ends_at.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()
