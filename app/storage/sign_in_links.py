"""Sign-in links: only a digest of each is kept; it is spent once, for one patient."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class SignInLink(TenantRow):
    """A link as kept."""

    __tablename__ = "sign_in_links"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        UniqueConstraint("clinic_id", "digest"),
        Index("ix_sign_in_links_patient", "clinic_id", "patient_id", "made_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    digest: Mapped[bytes]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


async def add(work: UnitOfWork, link: SignInLink) -> None:
    """Keep a new link."""
    values = values_of(link)
    await work.execute(insert(SignInLink).values(clinic_id=work.clinic_id, **values))


async def find(work: UnitOfWork, digest: bytes, *, lock: bool = False) -> SignInLink | None:
    """Find a link by its digest; ``lock`` it where it is about to be spent, so that this happens once."""
    columns = columns_of(SignInLink)
    statement = select(*columns).where(work.owns(SignInLink), SignInLink.digest == digest)
    return await work.one(SignInLink, statement.with_for_update() if lock else statement)


async def count_since(work: UnitOfWork, patient_id: UUID, since: datetime) -> int:
    """Count the links that were made for a patient from this time on."""
    counted = await work.execute(
        select(func.count()).where(
            work.owns(SignInLink),
            SignInLink.patient_id == patient_id,
            SignInLink.made_at >= since,
        )
    )
    return int(counted.scalar_one())


async def mark_used(work: UnitOfWork, link_id: UUID, *, now: datetime) -> None:
    """Spend a link."""
    await work.execute(
        update(SignInLink).where(work.owns(SignInLink), SignInLink.id == link_id).values(used_at=now)
    )


async def end_all(work: UnitOfWork, patient_id: UUID, *, now: datetime) -> None:
    """End every link of a patient that still works: whoever reads that mailbox may no longer come in."""
    await work.execute(
        update(SignInLink)
        .where(
            work.owns(SignInLink),
            SignInLink.patient_id == patient_id,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
        )
        .values(expires_at=now)
    )
