"""Members' passkeys (WebAuthn): the public key of each, and when it was used last."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of
from app.storage.engine.unit_of_work import UnitOfWork


class StaffPasskey(TenantRow):
    """One passkey of one member."""

    __tablename__ = "staff_passkeys"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
        UniqueConstraint("clinic_id", "credential_id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    credential_id: Mapped[bytes]
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    name: Mapped[str]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # When the challenge was made that it answered last: an older one, or the same, opens nothing.
    challenge_at: Mapped[datetime]


async def add(
    work: UnitOfWork,
    *,
    passkey_id: UUID,
    staff_id: UUID,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    name: str,
    challenge_at: datetime,
) -> bool:
    """Keep a new passkey, unless its credential is known; says whether it was kept."""
    added = await work.execute(
        insert(StaffPasskey)
        .values(
            clinic_id=work.clinic_id,
            id=passkey_id,
            staff_id=staff_id,
            credential_id=credential_id,
            public_key=public_key,
            sign_count=sign_count,
            name=name,
            made_at=work.real_now,
            used_at=None,
            challenge_at=challenge_at,
        )
        .on_conflict_do_nothing()
        .returning(StaffPasskey.id)
    )
    return added.one_or_none() is not None


async def of_member(work: UnitOfWork, staff_id: UUID) -> list[StaffPasskey]:
    """List a member's passkeys, oldest first."""
    row = StaffPasskey
    return await work.all(
        StaffPasskey,
        select(*columns_of(row)).where(work.owns(row), row.staff_id == staff_id).order_by(row.id),
    )


async def spend(work: UnitOfWork, passkey_id: UUID, *, sign_count: int, challenge_at: datetime) -> bool:
    """Note a use; says whether the challenge was newer than the last one that this passkey answered.

    One statement: of two who send the same answer at once, one signs in.
    """
    row = StaffPasskey
    used = await work.execute(
        update(row)
        .where(
            work.owns(row),
            row.id == passkey_id,
            row.challenge_at < challenge_at,
        )
        .values(sign_count=sign_count, used_at=work.real_now, challenge_at=challenge_at)
        .returning(row.id)
    )
    return used.one_or_none() is not None


async def remove(work: UnitOfWork, staff_id: UUID, passkey_id: UUID | None = None) -> bool:
    """Remove one passkey of a member, or all; says whether there was one."""
    row = StaffPasskey
    statement = delete(row).where(work.owns(row), row.staff_id == staff_id)
    return await work.changes(statement if passkey_id is None else statement.where(row.id == passkey_id))
