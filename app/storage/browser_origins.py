"""Where browser apps of a clinic's patients come from: asked by browsers before anybody's clinic is known."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import FRONT_DESK, Row
from app.storage.engine.unit_of_work import UnitOfWork


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


async def of_clinic(work: UnitOfWork) -> list[str]:
    """List this clinic's origins."""
    row = BrowserOriginRow
    found = await work.execute(select(row.origin).where(row.clinic_id == work.clinic_id).order_by(row.origin))
    return list(found.scalars())


async def replace(work: UnitOfWork, origins: Sequence[str]) -> None:
    """Have these be this clinic's origins, in place of those before."""
    await work.execute(delete(BrowserOriginRow).where(BrowserOriginRow.clinic_id == work.clinic_id))
    if origins:
        rows = [{"origin": one, "clinic_id": work.clinic_id} for one in origins]
        await work.execute(insert(BrowserOriginRow), rows)


async def clinics_of(work: UnitOfWork, origin: str) -> frozenset[UUID]:
    """Give the clinics that named this origin; needs no tenant."""
    found = await work.execute(select(BrowserOriginRow.clinic_id).where(BrowserOriginRow.origin == origin))
    return frozenset(found.scalars())
