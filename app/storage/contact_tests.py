"""Tests of whether a message reaches someone of the clinic: only a digest of each link is kept."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class ContactTest(TenantRow):
    """A test message to one address, and when someone pressed its button."""

    __tablename__ = "contact_tests"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "digest"),
        Index("ix_contact_tests_address", "clinic_id", "address_digest"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email_sealed: Mapped[bytes]
    address_digest: Mapped[bytes]
    digest: Mapped[bytes]
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None] = mapped_column(default=None)


async def add(work: UnitOfWork, test: ContactTest) -> None:
    """Keep a new test."""
    await work.execute(insert(ContactTest).values(clinic_id=work.clinic_id, **values_of(test)))


async def find(work: UnitOfWork, digest: bytes) -> ContactTest | None:
    """Find a test by the digest of its link."""
    return await work.one(ContactTest, _tests(work).where(ContactTest.digest == digest))


async def latest(work: UnitOfWork, *, limit: int) -> list[ContactTest]:
    """List the clinic's latest tests, newest first."""
    return await work.all(ContactTest, _tests(work).order_by(ContactTest.id.desc()).limit(limit))


async def answered(
    work: UnitOfWork, address_digest: bytes, *, since: datetime, within: timedelta | None = None
) -> bool:
    """Say whether a test to this address was answered from that moment on, and so soon if that is given."""
    soon = [] if within is None else [ContactTest.answered_at <= ContactTest.sent_at + within]
    found = await work.execute(
        select(ContactTest.id)
        .where(
            work.owns(ContactTest),
            ContactTest.address_digest == address_digest,
            ContactTest.answered_at >= since,
            *soon,
        )
        .limit(1)
    )
    return found.one_or_none() is not None


async def answer(work: UnitOfWork, test_id: UUID) -> None:
    """Keep that a test was answered; the first answer counts."""
    await work.execute(
        update(ContactTest)
        .where(
            work.owns(ContactTest),
            ContactTest.id == test_id,
            ContactTest.answered_at.is_(None),
        )
        .values(answered_at=work.real_now)
    )


def _tests(work: UnitOfWork) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a statement
    return select(*columns_of(ContactTest)).where(work.owns(ContactTest))
