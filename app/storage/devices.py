"""Patients' devices, phones and browsers. A device is a family of tokens: revoking it ends them all."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork


class DeviceRow(TenantRow):
    """A phone or browser that a patient enrolled."""

    __tablename__ = "devices"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_devices_patient", "clinic_id", "patient_id", "id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    name_sealed: Mapped[bytes]
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as kept."""

    id: UUID
    name_sealed: bytes
    enrolled_at: datetime


async def add(
    work: UnitOfWork,
    *,
    id: UUID,  # noqa: A002 - the column's name
    patient_id: UUID,
    name_sealed: bytes,
    now: datetime,
) -> None:
    """Keep a newly enrolled device."""
    await work.execute(
        insert(DeviceRow).values(
            clinic_id=work.clinic_id,
            id=id,
            patient_id=patient_id,
            name_sealed=name_sealed,
            enrolled_at=now,
            revoked_at=None,
        )
    )


async def revoke(work: UnitOfWork, device_id: UUID, *, now: datetime) -> None:
    """End a device and with it all of its tokens."""
    await work.execute(
        update(DeviceRow)
        .where(work.owns(DeviceRow), DeviceRow.id == device_id, DeviceRow.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[Device]:
    """List the devices that may speak for a patient, in the order in which they were enrolled."""
    return await work.all(
        Device,
        select(DeviceRow.id, DeviceRow.name_sealed, DeviceRow.enrolled_at)
        .where(
            work.owns(DeviceRow),
            DeviceRow.patient_id == patient_id,
            DeviceRow.revoked_at.is_(None),
        )
        .order_by(DeviceRow.id),
    )


async def count_working(work: UnitOfWork) -> int:
    """Count the clinic's devices that may still speak for a patient."""
    counted = await work.execute(
        select(func.count())
        .select_from(DeviceRow)
        .where(work.owns(DeviceRow), DeviceRow.revoked_at.is_(None))
    )
    return int(counted.scalar_one())


async def belongs_to(work: UnitOfWork, device_id: UUID, patient_id: UUID) -> bool:
    """Say whether this patient ever enrolled this device."""
    found = await work.execute(
        select(DeviceRow.id).where(
            work.owns(DeviceRow),
            DeviceRow.id == device_id,
            DeviceRow.patient_id == patient_id,
        )
    )
    return found.one_or_none() is not None
