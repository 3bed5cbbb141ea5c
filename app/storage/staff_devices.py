"""Devices on which a member signed in before: nobody else's guesses lock those. Only digests are kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class StaffDeviceRow(TenantRow):
    """One browser or program in which one member has signed in."""

    __tablename__ = "staff_devices"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "staff_id"], [f"{CARE}.staff_members.clinic_id", f"{CARE}.staff_members.id"]
        ),
        {"schema": CARE},
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]


async def is_known(work: UnitOfWork, staff_id: UUID, digest: bytes, *, used_after: datetime) -> bool:
    """Say whether this member has signed in there since then."""
    row = StaffDeviceRow
    found = await work.execute(
        select(row.used_at).where(
            row.clinic_id == work.clinic_id,
            row.staff_id == staff_id,
            row.digest == digest,
            row.used_at > used_after,
        )
    )
    return found.one_or_none() is not None


async def remember(work: UnitOfWork, staff_id: UUID, digest: bytes, *, now: datetime) -> None:
    """Keep that this member has signed in there."""
    row = StaffDeviceRow
    await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, staff_id=staff_id, digest=digest, used_at=now)
        .on_conflict_do_update(
            index_elements=[row.clinic_id, row.staff_id, row.digest], set_={"used_at": now}
        )
    )


async def forget_all(work: UnitOfWork, staff_id: UUID) -> None:
    """Know none of a member's devices any more."""
    row = StaffDeviceRow
    await work.execute(delete(row).where(row.clinic_id == work.clinic_id, row.staff_id == staff_id))
