"""Members' ways in: wrong attempts, devices used before, and recovery codes. Only digests are kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork


class StaffLoginAttemptsRow(TenantRow):
    """How often one member's sign-in failed in a row from one place, as a keyed fingerprint."""

    __tablename__ = "staff_login_attempts"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
        {"schema": CARE},
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[bytes] = mapped_column(primary_key=True)
    failed: Mapped[int]
    locked_until: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsFromSource:
    """Wrong attempts from one place."""

    failed: int = 0
    locked_until: datetime | None = None


async def from_source(work: UnitOfWork, staff_id: UUID, source: bytes) -> AttemptsFromSource:
    """Give what was counted from there; the caller has locked the member."""
    row = StaffLoginAttemptsRow
    found = await work.execute(
        select(row.failed, row.locked_until).where(
            work.owns(row), row.staff_id == staff_id, row.source == source
        )
    )
    one = found.one_or_none()
    return AttemptsFromSource() if one is None else AttemptsFromSource(**one._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def keep(
    work: UnitOfWork, staff_id: UUID, source: bytes, *, failed: int, locked_until: datetime | None
) -> None:
    """Keep what was counted from there."""
    row = StaffLoginAttemptsRow
    await work.execute(
        insert(row)
        .values(
            clinic_id=work.clinic_id,
            staff_id=staff_id,
            source=source,
            failed=failed,
            locked_until=locked_until,
        )
        .on_conflict_do_update(
            index_elements=[row.clinic_id, row.staff_id, row.source],
            set_={"failed": failed, "locked_until": locked_until},
        )
    )


async def forget(work: UnitOfWork, staff_id: UUID, *, source: bytes | None = None) -> None:
    """Forget what was counted from one place, or from everywhere."""
    row = StaffLoginAttemptsRow
    statement = delete(row).where(work.owns(row), row.staff_id == staff_id)
    await work.execute(statement if source is None else statement.where(row.source == source))


async def locked_until(work: UnitOfWork) -> dict[UUID, datetime]:
    """Say until when signing in waits, for each member who is locked from somewhere."""
    row = StaffLoginAttemptsRow
    found = await work.execute(
        select(row.staff_id, func.max(row.locked_until).label("until"))
        .where(work.owns(row), row.locked_until.is_not(None))
        .group_by(row.staff_id)
    )
    return {one.staff_id: one.until for one in found}


class StaffDeviceRow(TenantRow):
    """One browser or program in which one member has signed in."""

    __tablename__ = "staff_devices"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
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
            work.owns(row),
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
    await work.execute(delete(row).where(work.owns(row), row.staff_id == staff_id))


class RecoveryCodeRow(TenantRow):
    """One code's digest."""

    __tablename__ = "staff_recovery_codes"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
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
    return (work.owns(RecoveryCodeRow), RecoveryCodeRow.staff_id == staff_id)
