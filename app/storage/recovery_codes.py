"""Recovery codes: what a member signs in with who lost the second factor; each opens once."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKeyConstraint, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


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


async def replace_all(work: UnitOfWork, staff_id: UUID, digests: Collection[bytes]) -> None:
    """Keep these codes of a member and no others; none at all where none are given."""
    await work.execute(delete(RecoveryCodeRow).where(*_of(work, staff_id)))
    rows = [
        {"clinic_id": work.clinic_id, "staff_id": staff_id, "digest": digest, "used_at": None}
        for digest in digests
    ]
    if rows:
        await work.execute(insert(RecoveryCodeRow), rows)


async def is_unused(work: UnitOfWork, staff_id: UUID, digest: bytes) -> bool:
    """Say whether this is a code of the member's that still opens."""
    found = await work.execute(
        select(RecoveryCodeRow.digest).where(
            *_of(work, staff_id), RecoveryCodeRow.digest == digest, RecoveryCodeRow.used_at.is_(None)
        )
    )
    return found.one_or_none() is not None


async def spend(work: UnitOfWork, staff_id: UUID, digest: bytes, *, now: datetime) -> bool:
    """Spend a code; says whether it was there to be spent, so that of two at once one opens."""
    spent = await work.execute(
        update(RecoveryCodeRow)
        .where(*_of(work, staff_id), RecoveryCodeRow.digest == digest, RecoveryCodeRow.used_at.is_(None))
        .values(used_at=now)
        .returning(RecoveryCodeRow.digest)
    )
    return spent.one_or_none() is not None


async def count_left(work: UnitOfWork, staff_id: UUID) -> int:
    """Count the codes that still open."""
    counted = await work.execute(
        select(func.count()).where(*_of(work, staff_id), RecoveryCodeRow.used_at.is_(None))
    )
    return int(counted.scalar_one())


def _of(work: UnitOfWork, staff_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (RecoveryCodeRow.clinic_id == work.clinic_id, RecoveryCodeRow.staff_id == staff_id)
