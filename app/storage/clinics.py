"""Clinics: the tenantless entry (id and state only), the profile that only the clinic itself sees, logo, origins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Executable,
    ForeignKeyConstraint,
    Index,
    delete,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.errors import OperatorError
from app.storage.engine.rows import CARE, FRONT_DESK, Row, TenantRow, columns_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class UnknownClinicError(OperatorError):
    """There is no clinic with this id."""


class ClinicRow(Row):
    """That a clinic exists: the list over which sweeps loop."""

    __tablename__ = "clinics"
    __table_args__ = (
        CheckConstraint("state in ('open', 'closed')", name="state"),
        {"schema": FRONT_DESK},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    created_at: Mapped[datetime]
    # How far its test clock is ahead; 0 in live mode.
    ahead_seconds: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    closed_at: Mapped[datetime | None] = mapped_column(default=None)


class ClinicProfile(TenantRow):
    """A clinic's own settings; ``mode`` is ``test`` until it goes live. A limit of None is the standard one."""

    __tablename__ = "clinic_profiles"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("mode in ('test', 'live')", name="mode"),
        {"schema": CARE},
    )

    name: Mapped[str]
    mode: Mapped[str]
    crisis_phone_sealed: Mapped[bytes | None]
    version: Mapped[int]
    safety_contact_sealed: Mapped[bytes | None]
    second_contact_sealed: Mapped[bytes | None]
    # The clinic's own limits; null: the standard ones of `clinical/waiting.py`.
    urgent_safety_minutes: Mapped[int | None]
    safety_minutes: Mapped[int | None]
    signal_hours: Mapped[int | None]
    went_live_at: Mapped[datetime | None]
    # By whose clocks the staff's pages show times.
    time_zone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    # Where it is (ISO 3166), and the crisis lines that it puts in the place of ours, by country.
    country: Mapped[str | None]
    crisis_lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    # Whether patients are asked each month about what long use of ketamine can do.
    asks_long_exposure: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Leads to a patient's chart in the clinic's EHR; the chart number stands in for its placeholder.
    ehr_link_template: Mapped[str | None] = mapped_column(default=None)


async def add(work: UnitOfWork, *, name: str, now: datetime) -> None:
    """Open a clinic, in test mode, under the transaction's own clinic id."""
    await work.execute(insert(ClinicRow).values(id=work.clinic_id, state="open", created_at=now))
    await work.execute(
        insert(ClinicProfile).values(
            clinic_id=work.clinic_id,
            name=name,
            mode="test",
            crisis_phone_sealed=None,
            crisis_lines=[],
            version=1,
        )
    )


async def profile(work: UnitOfWork, *, lock: bool = False) -> ClinicProfile | None:
    """Give the clinic's profile, locked if what follows must happen once."""
    return await work.one(ClinicProfile, _locked_profile() if lock else _profile())


@built_once
def _profile(work: Owner) -> Executable:
    return select(*columns_of(ClinicProfile)).where(work.owns(ClinicProfile))


@built_once
def _locked_profile(work: Owner) -> Executable:
    return select(*columns_of(ClinicProfile)).where(work.owns(ClinicProfile)).with_for_update()


async def change_profile(work: UnitOfWork, *, version: int, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Change some columns of the profile if it still is at this version; says whether it was."""
    return await work.changes(
        update(ClinicProfile)
        .where(work.owns(ClinicProfile), ClinicProfile.version == version)
        .values(version=version + 1, **values)
    )


async def every_clinic(work: UnitOfWork) -> list[tuple[UUID, str]]:
    """List all clinics with their state, oldest first; needs no tenant."""
    found = await work.execute(select(ClinicRow.id, ClinicRow.state).order_by(ClinicRow.id))
    return [(row.id, row.state) for row in found]


async def clinics_with_rules(work: UnitOfWork) -> list[UUID]:
    """List clinics in which rules of retention count: the open ones, and those that were closed on a known day."""
    counts = or_(ClinicRow.state == "open", ClinicRow.closed_at.is_not(None))
    return list((await work.execute(select(ClinicRow.id).where(counts).order_by(ClinicRow.id))).scalars())


async def closed_since(work: UnitOfWork) -> dict[UUID, datetime]:
    """Give when each closed clinic was closed; needs no tenant."""
    found = await work.execute(
        select(ClinicRow.id, ClinicRow.closed_at).where(ClinicRow.closed_at.is_not(None))
    )
    return {row.id: row.closed_at for row in found}


async def close(work: UnitOfWork, *, at: datetime) -> None:
    """Close this clinic as of a moment: nothing is swept in it any more but what it keeps no longer."""
    closed = {"state": "closed", "closed_at": at}
    await work.execute(update(ClinicRow).where(ClinicRow.id == work.clinic_id).values(closed))


async def open_clinics(work: UnitOfWork) -> list[UUID]:
    """List all open clinics, for sweeps; needs no tenant."""
    found = await work.execute(select(ClinicRow.id).where(ClinicRow.state == "open").order_by(ClinicRow.id))
    return list(found.scalars())


async def ahead_of_time(work: UnitOfWork) -> dict[UUID, timedelta]:
    """Give the clinics whose test clock was moved, and how far; needs no tenant."""
    row = ClinicRow
    found = await work.execute(select(row.id, row.ahead_seconds).where(row.ahead_seconds != 0))
    return {one.id: timedelta(seconds=one.ahead_seconds) for one in found}


async def move_ahead(work: UnitOfWork, by: timedelta, *, most: timedelta) -> timedelta | None:
    """Move this clinic's test clock; gives how far it is ahead then, None where that would be too far."""
    ahead = ClinicRow.ahead_seconds + int(by.total_seconds())
    moved = await work.execute(
        update(ClinicRow)
        .where(ClinicRow.id == work.clinic_id, ahead <= int(most.total_seconds()))
        .values(ahead_seconds=ahead)
        .returning(ClinicRow.ahead_seconds)
    )
    seconds = moved.scalar_one_or_none()
    return None if seconds is None else timedelta(seconds=seconds)


async def set_clock_right(work: UnitOfWork) -> None:
    """Let this clinic live in real time again."""
    await work.execute(update(ClinicRow).where(ClinicRow.id == work.clinic_id).values(ahead_seconds=0))


class ClinicLogoRow(TenantRow):
    """A clinic's logo; ``digest`` names it in its address, so that a browser keeps it until it changes."""

    __tablename__ = "clinic_logos"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        {"schema": CARE},
    )

    png: Mapped[bytes]
    digest: Mapped[str]
    changed_at: Mapped[datetime]


async def put_logo(work: UnitOfWork, *, png: bytes, digest: str, now: datetime) -> None:
    """Keep a logo in the place of the one before."""
    values = {"png": png, "digest": digest, "changed_at": now}
    statement = insert(ClinicLogoRow).values(clinic_id=work.clinic_id, **values)
    await work.execute(statement.on_conflict_do_update(index_elements=["clinic_id"], set_=values))


async def remove_logo(work: UnitOfWork) -> bool:
    """Remove the logo; says whether there was one."""
    return await work.changes(delete(ClinicLogoRow).where(work.owns(ClinicLogoRow)))


async def logo_digest(work: UnitOfWork) -> str | None:
    """Give the logo's name, or None where there is no logo."""
    found = await work.execute(select(ClinicLogoRow.digest).where(work.owns(ClinicLogoRow)))
    return found.scalar_one_or_none()


async def logo_png(work: UnitOfWork) -> bytes | None:
    """Give the picture, or None where there is no logo."""
    found = await work.execute(select(ClinicLogoRow.png).where(work.owns(ClinicLogoRow)))
    return found.scalar_one_or_none()


class BrowserOriginRow(Row):
    """An origin whose scripts may call the patient API for this clinic's patients."""

    __tablename__ = "browser_origins"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        Index("ix_browser_origins_clinic", "clinic_id"),
        {"schema": FRONT_DESK},
    )

    origin: Mapped[str] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)


async def browser_origins(work: UnitOfWork) -> list[str]:
    """List this clinic's origins."""
    row = BrowserOriginRow
    found = await work.execute(select(row.origin).where(row.clinic_id == work.clinic_id).order_by(row.origin))
    return list(found.scalars())


async def replace_browser_origins(work: UnitOfWork, origins: Sequence[str]) -> None:
    """Have these be this clinic's origins, in place of those before."""
    await work.execute(delete(BrowserOriginRow).where(BrowserOriginRow.clinic_id == work.clinic_id))
    if origins:
        rows = [{"origin": one, "clinic_id": work.clinic_id} for one in origins]
        await work.execute(insert(BrowserOriginRow), rows)


async def clinics_of_origin(work: UnitOfWork, origin: str) -> frozenset[UUID]:
    """Give the clinics that named this origin; needs no tenant."""
    found = await work.execute(select(BrowserOriginRow.clinic_id).where(BrowserOriginRow.origin == origin))
    return frozenset(found.scalars())
