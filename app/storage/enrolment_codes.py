"""Enrolment codes: the selector leads to the clinic before anybody is signed in, the secret is kept as an HMAC."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, Row, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork


class CodeSelectorRow(Row):
    """The public half of a code: which clinic it leads to, and how often its secret was tried."""

    __tablename__ = "code_selectors"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        {"schema": FRONT_DESK},
    )

    selector: Mapped[str] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    code_id: Mapped[UUID]
    expires_at: Mapped[datetime]
    tries: Mapped[int]


class EnrolmentCode(TenantRow):
    """A code as kept."""

    __tablename__ = "enrolment_codes"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    secret_mac: Mapped[bytes]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


async def add(work: UnitOfWork, code: EnrolmentCode, *, selector: str, now: datetime) -> bool:
    """Keep a new code, unless its selector is in use by a code that has not expired; says whether it was kept."""
    await work.execute(
        delete(CodeSelectorRow).where(CodeSelectorRow.selector == selector, CodeSelectorRow.expires_at <= now)
    )
    taken = await work.execute(select(CodeSelectorRow.code_id).where(CodeSelectorRow.selector == selector))
    if taken.one_or_none() is not None:
        return False
    await work.execute(
        insert(CodeSelectorRow).values(
            selector=selector,
            clinic_id=work.clinic_id,
            code_id=code.id,
            expires_at=code.expires_at,
            tries=0,
        )
    )
    await work.execute(
        insert(EnrolmentCode).values(
            clinic_id=work.clinic_id,
            id=code.id,
            patient_id=code.patient_id,
            secret_mac=code.secret_mac,
            expires_at=code.expires_at,
            used_at=None,
        )
    )
    return True


async def try_selector(
    work: UnitOfWork, selector: str, *, most_tries: int, now: datetime
) -> tuple[UUID, UUID] | None:
    """Count an attempt at a selector's secret and give where it leads (clinic, code); needs no tenant.

    Counted before the secret is looked at, so that parallel guesses cannot slip by. None: there is no
    such selector, it has expired, or it was tried too often.
    """
    found = await work.execute(
        update(CodeSelectorRow)
        .where(
            CodeSelectorRow.selector == selector,
            CodeSelectorRow.expires_at > now,
            CodeSelectorRow.tries < most_tries,
        )
        .values(tries=CodeSelectorRow.tries + 1)
        .returning(CodeSelectorRow.clinic_id, CodeSelectorRow.code_id)
    )
    row = found.one_or_none()
    return row and (row.clinic_id, row.code_id)


async def find(work: UnitOfWork, code_id: UUID) -> EnrolmentCode | None:
    """Find a code and lock it, so that it is used once."""
    return await work.one(
        EnrolmentCode,
        select(
            EnrolmentCode.id,
            EnrolmentCode.patient_id,
            EnrolmentCode.secret_mac,
            EnrolmentCode.expires_at,
            EnrolmentCode.used_at,
        )
        .where(work.owns(EnrolmentCode), EnrolmentCode.id == code_id)
        .with_for_update(),
    )


async def mark_used(work: UnitOfWork, code_id: UUID, *, now: datetime) -> None:
    """Spend a code."""
    await work.execute(
        update(EnrolmentCode).where(work.owns(EnrolmentCode), EnrolmentCode.id == code_id).values(used_at=now)
    )
