"""Recovery codes: what a member signs in with who lost the second factor; each opens once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.rows import CARE, TenantRow


class RecoveryCodeRow(TenantRow):
    """One code's digest."""

    __tablename__ = "staff_recovery_codes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "staff_id"], [f"{CARE}.staff_members.clinic_id", f"{CARE}.staff_members.id"]
        ),
        {"schema": CARE},
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]
