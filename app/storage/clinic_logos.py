"""Clinics' logos, each as one PNG; apart from the profile, which is read far more often than the picture."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


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


async def put(work: UnitOfWork, *, png: bytes, digest: str, now: datetime) -> None:
    """Keep a logo in the place of the one before."""
    values = {"png": png, "digest": digest, "changed_at": now}
    statement = insert(ClinicLogoRow).values(clinic_id=work.clinic_id, **values)
    await work.execute(statement.on_conflict_do_update(index_elements=["clinic_id"], set_=values))


async def remove(work: UnitOfWork) -> bool:
    """Remove the logo; says whether there was one."""
    removed = await work.execute(delete(ClinicLogoRow).where(work.owns(ClinicLogoRow)))
    return removed.rowcount != 0


async def digest_of(work: UnitOfWork) -> str | None:
    """Give the logo's name, or None where there is no logo."""
    found = await work.execute(select(ClinicLogoRow.digest).where(work.owns(ClinicLogoRow)))
    return found.scalar_one_or_none()


async def png_of(work: UnitOfWork) -> bytes | None:
    """Give the picture, or None where there is no logo."""
    found = await work.execute(select(ClinicLogoRow.png).where(work.owns(ClinicLogoRow)))
    return found.scalar_one_or_none()
