"""Wrong attempts to sign in as a member, by where they came from: a network, or a device the member used before."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class StaffLoginAttemptsRow(TenantRow):
    """How often one member's sign-in failed in a row from one place, as a keyed fingerprint."""

    __tablename__ = "staff_login_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "staff_id"], [f"{CARE}.staff_members.clinic_id", f"{CARE}.staff_members.id"]
        ),
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
            row.clinic_id == work.clinic_id, row.staff_id == staff_id, row.source == source
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
    statement = delete(row).where(row.clinic_id == work.clinic_id, row.staff_id == staff_id)
    await work.execute(statement if source is None else statement.where(row.source == source))


async def locked_until(work: UnitOfWork) -> dict[UUID, datetime]:
    """Say until when signing in waits, for each member who is locked from somewhere."""
    row = StaffLoginAttemptsRow
    found = await work.execute(
        select(row.staff_id, func.max(row.locked_until).label("until"))
        .where(row.clinic_id == work.clinic_id, row.locked_until.is_not(None))
        .group_by(row.staff_id)
    )
    return {one.staff_id: one.until for one in found}
