"""Invitations of staff: only a digest of each link is kept; it is spent once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class StaffInvitation(TenantRow):
    """An invitation as kept; it ends when it is used, or when another takes its place."""

    __tablename__ = "staff_invitations"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
        UniqueConstraint("clinic_id", "digest"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    digest: Mapped[bytes]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


async def add(work: UnitOfWork, invitation: StaffInvitation) -> None:
    """Keep a new invitation."""
    values = values_of(invitation)
    await work.execute(insert(StaffInvitation).values(clinic_id=work.clinic_id, **values))


async def find(work: UnitOfWork, digest: bytes) -> StaffInvitation | None:
    """Find an invitation by its digest."""
    columns = columns_of(StaffInvitation)
    return await work.one(
        StaffInvitation, select(*columns).where(work.owns(StaffInvitation), StaffInvitation.digest == digest)
    )


async def end_all(work: UnitOfWork, staff_id: UUID, *, now: datetime) -> None:
    """End every invitation of a member that was not used: one link at a time works."""
    await work.execute(
        update(StaffInvitation)
        .where(
            work.owns(StaffInvitation),
            StaffInvitation.staff_id == staff_id,
            StaffInvitation.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
