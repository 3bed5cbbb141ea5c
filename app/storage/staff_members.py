"""The clinic's staff: names and addresses sealed, a password's hash, the second factor's secret sealed."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, Row, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class StaffMember(TenantRow):
    """A member of the staff as stored."""

    __tablename__ = "staff_members"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "address_digest"),
        UniqueConstraint("clinic_id", "sso_subject_digest"),
        CheckConstraint("role in ('owner', 'clinician', 'coordinator', 'read_only')", name="role"),
        CheckConstraint("state in ('invited', 'active', 'disabled')", name="state"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]
    state: Mapped[str]
    name_sealed: Mapped[bytes]
    email_sealed: Mapped[bytes]
    # The same person's address has the same digest in each clinic: it is looked up before the clinic is known.
    address_digest: Mapped[bytes]
    password_hash: Mapped[str | None]
    totp_secret_sealed: Mapped[bytes | None]
    # The last time step that was signed in with: a code opens once.
    totp_last_step: Mapped[int | None]
    sso_subject_digest: Mapped[bytes | None]
    failed_tries: Mapped[int]
    locked_until: Mapped[datetime | None]
    invited_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    version: Mapped[int]
    # When the member and the owners were last notified of wrong attempts that lock.
    lock_notified_at: Mapped[datetime | None] = mapped_column(default=None)
    # Not at work on these days of the clinic's, both included.
    away_from: Mapped[date | None] = mapped_column(default=None)
    away_until: Mapped[date | None] = mapped_column(default=None)
    # Since when no mail has reached the member; None while it does.
    unreachable_since: Mapped[datetime | None] = mapped_column(default=None)

    def is_away(self, day: date) -> bool:
        """Whether the member is not at work on this day."""
        return self.away_from is not None and self.away_from <= day <= (self.away_until or day)


class StaffAddressRow(Row):
    """At which clinics an address signs in; found before the tenant is known. A digest, never an address."""

    __tablename__ = "staff_addresses"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        {"schema": FRONT_DESK},
    )

    address_digest: Mapped[bytes] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]


async def add(work: UnitOfWork, member: StaffMember) -> bool:
    """Keep a new member, and where the address signs in, unless it is taken here; says whether it was kept."""
    values = values_of(member)
    added = await work.execute(
        insert(StaffMember)
        .on_conflict_do_nothing(index_elements=[StaffMember.clinic_id, StaffMember.address_digest])
        .values(clinic_id=work.clinic_id, **values)
        .returning(StaffMember.id)
    )
    if added.one_or_none() is None:
        return False
    await work.execute(
        insert(StaffAddressRow).values(
            address_digest=member.address_digest, clinic_id=work.clinic_id, staff_id=member.id
        )
    )
    return True


async def find(work: UnitOfWork, staff_id: UUID, *, lock: bool = False) -> StaffMember | None:
    """Find a member of this clinic's staff; ``lock`` the row where it is about to be changed."""
    statement = _members(work).where(StaffMember.id == staff_id)
    return await work.one(StaffMember, statement.with_for_update() if lock else statement)


async def find_by_address(work: UnitOfWork, address_digest: bytes) -> StaffMember | None:
    """Find who signs in with this address at this clinic."""
    return await work.one(StaffMember, _members(work).where(StaffMember.address_digest == address_digest))


async def all_of_clinic(work: UnitOfWork, *, lock: bool = False) -> list[StaffMember]:
    """List the staff, oldest first, also the deactivated; locked for a change if so wished."""
    statement = _members(work).order_by(StaffMember.id)
    return await work.all(StaffMember, statement.with_for_update() if lock else statement)


async def names_of(work: UnitOfWork, staff_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Give the sealed names of those of these ids who are, or were, members of this clinic's staff."""
    found = await work.execute(
        select(StaffMember.id, StaffMember.name_sealed).where(
            work.owns(StaffMember), StaffMember.id.in_(staff_ids)
        )
    )
    return {row.id: row.name_sealed for row in found}


async def change(work: UnitOfWork, staff_id: UUID, **values: Any) -> None:  # noqa: ANN401 - the columns'
    """Change columns of a member, and its version."""
    await work.execute(
        update(StaffMember)
        .where(work.owns(StaffMember), StaffMember.id == staff_id)
        .values(version=StaffMember.version + 1, **values)
    )


async def keep_attempts(
    work: UnitOfWork, staff_id: UUID, *, attempts: int, locked_until: datetime | None
) -> None:
    """Keep how often signing in failed in a row; not a change of the member, whose version stays."""
    await work.execute(
        update(StaffMember)
        .where(work.owns(StaffMember), StaffMember.id == staff_id)
        .values(failed_tries=attempts, locked_until=locked_until)
    )


async def note_reach(work: UnitOfWork, address_digest: bytes, *, reached: bool) -> None:
    """Keep whether a mail reached the member with this address; of an address that is nobody's here, nothing."""
    held = StaffMember.unreachable_since.is_not(None) if reached else StaffMember.unreachable_since.is_(None)
    await work.execute(
        update(StaffMember)
        .where(work.owns(StaffMember), StaffMember.address_digest == address_digest, held)
        .values(unreachable_since=None if reached else work.real_now),
        unaudited="the message that reached its member, or did not, is",
    )


async def note_lock_notified(work: UnitOfWork, staff_id: UUID) -> None:
    """Keep that the member and the owners are notified of wrong attempts now."""
    await work.execute(
        update(StaffMember)
        .where(work.owns(StaffMember), StaffMember.id == staff_id)
        .values(lock_notified_at=work.real_now)
    )


async def sign_in(work: UnitOfWork, staff_id: UUID, *, step: int | None, password_hash: str | None) -> bool:
    """Forget wrong attempts, spend the code's time step, keep a newer hash; says whether the member may sign in.

    One statement: of two who show the same code at once, one signs in.
    """
    row = StaffMember
    unused = true() if step is None else or_(row.totp_last_step.is_(None), row.totp_last_step < step)
    values: dict[str, Any] = {"failed_tries": 0, "locked_until": None}
    if step is not None:
        values["totp_last_step"] = step
    if password_hash is not None:
        values["password_hash"] = password_hash
    changed = await work.execute(
        update(row)
        .where(work.owns(row), row.id == staff_id, row.state == "active", unused)
        .values(**values)
        .returning(row.id)
    )
    return changed.one_or_none() is not None


async def clinics_of_address(
    work: UnitOfWork, address_digest: bytes, *, limit: int
) -> list[tuple[UUID, UUID]]:
    """Say at which clinics an address signs in, and as whom; the tenant need not be known."""
    found = await work.execute(
        select(StaffAddressRow.clinic_id, StaffAddressRow.staff_id)
        .where(StaffAddressRow.address_digest == address_digest)
        .order_by(StaffAddressRow.clinic_id)
        .limit(limit)
    )
    return [(row.clinic_id, row.staff_id) for row in found]


def _members(work: UnitOfWork) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a statement
    columns = columns_of(StaffMember)
    return select(*columns).where(work.owns(StaffMember))
