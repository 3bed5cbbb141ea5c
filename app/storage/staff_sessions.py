"""Staff who are signed in: a session ends when it is not used for a while, after a working day, or when ended."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Executable, Index, UniqueConstraint, insert, select, true, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.clinics import ClinicProfile
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember


class StaffSessionRow(TenantRow):
    """One browser (or program) in which one member is signed in."""

    __tablename__ = "staff_sessions"
    __table_args__ = (
        clinic_foreign_key("staff_id", of="staff_members"),
        UniqueConstraint("clinic_id", "digest"),
        Index("ix_staff_sessions_staff", "clinic_id", "staff_id", "opened_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID]
    digest: Mapped[bytes]
    opened_at: Mapped[datetime]
    used_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session that works, and whose it is."""

    id: UUID
    staff_id: UUID
    role: str
    name_sealed: bytes
    clinic_name: str
    used_at: datetime


async def add(work: UnitOfWork, *, session_id: UUID, staff_id: UUID, digest: bytes, now: datetime) -> None:
    """Keep a new session's digest."""
    await work.execute(
        insert(StaffSessionRow).values(
            clinic_id=work.clinic_id,
            id=session_id,
            staff_id=staff_id,
            digest=digest,
            opened_at=now,
            used_at=now,
            ended_at=None,
        )
    )


async def working(
    work: UnitOfWork, digest: bytes, *, used_after: datetime, opened_after: datetime
) -> OpenSession | None:
    """Find the session with this digest, if it works and its member is active."""
    return await work.one(OpenSession, _working(digest, used_after, opened_after))


@built_once
def _working(work: Owner, digest: bytes, used_after: datetime, opened_after: datetime) -> Executable:
    session, member, clinic = StaffSessionRow, StaffMember, ClinicProfile
    return (
        select(
            session.id,
            session.staff_id,
            member.role,
            member.name_sealed,
            clinic.name.label("clinic_name"),
            session.used_at,
        )
        .join(member, (member.clinic_id == session.clinic_id) & (member.id == session.staff_id))
        .join(clinic, clinic.clinic_id == session.clinic_id)
        .where(
            work.owns(session),
            session.digest == digest,
            session.ended_at.is_(None),
            session.used_at > used_after,
            session.opened_at > opened_after,
            member.state == "active",
        )
    )


async def used(work: UnitOfWork, session_id: UUID, *, now: datetime) -> None:
    """Note that a session is in use: its idle time begins again. Not a change that the audit log records."""
    await work.execute(
        update(StaffSessionRow)
        .where(work.owns(StaffSessionRow), StaffSessionRow.id == session_id)
        .values(used_at=now),
        unaudited="a session in use stays open; its sign-in and its end are in the log",
    )


async def end(work: UnitOfWork, session_id: UUID, *, now: datetime) -> None:
    """Let a session open nothing any more."""
    await work.execute(
        update(StaffSessionRow)
        .where(
            work.owns(StaffSessionRow),
            StaffSessionRow.id == session_id,
            StaffSessionRow.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


async def end_all(work: UnitOfWork, staff_id: UUID, *, now: datetime, but: UUID | None = None) -> None:
    """Let none of a member's sessions open anything any more, but perhaps the one at hand."""
    await work.execute(
        update(StaffSessionRow)
        .where(
            work.owns(StaffSessionRow),
            StaffSessionRow.staff_id == staff_id,
            StaffSessionRow.ended_at.is_(None),
            StaffSessionRow.id != but if but else true(),
        )
        .values(ended_at=now)
    )


async def end_all_of_clinic(work: UnitOfWork) -> None:
    """Let no session of this clinic open anything any more."""
    await work.execute(
        update(StaffSessionRow)
        .where(work.owns(StaffSessionRow), StaffSessionRow.ended_at.is_(None))
        .values(ended_at=work.real_now)
    )


async def open_of(
    work: UnitOfWork, staff_id: UUID, *, used_after: datetime, opened_after: datetime
) -> list[tuple[UUID, datetime, datetime]]:
    """List a member's sessions that work: id, opened, last used; newest first."""
    session = StaffSessionRow
    found = await work.execute(
        select(session.id, session.opened_at, session.used_at)
        .where(
            work.owns(session),
            session.staff_id == staff_id,
            session.ended_at.is_(None),
            session.used_at > used_after,
            session.opened_at > opened_after,
        )
        .order_by(session.id.desc())
    )
    return [(row.id, row.opened_at, row.used_at) for row in found]
