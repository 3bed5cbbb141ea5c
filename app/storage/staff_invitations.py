"""Invitations of staff: only a digest of each link is kept; it is spent once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.rows import CARE, TenantRow


class StaffInvitationRow(TenantRow):
    """One link for one member, for one use."""

    __tablename__ = "staff_invitations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "staff_id"], [f"{CARE}.staff_members.clinic_id", f"{CARE}.staff_members.id"]
        ),
        UniqueConstraint("clinic_id", "digest"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    digest: Mapped[bytes]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
