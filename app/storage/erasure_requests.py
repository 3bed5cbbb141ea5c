"""Patients' wishes to be erased, and what the clinic decided. They outlive the patient's rows: ids and times only."""

from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

_OPEN = text("state = 'open'")


class StoredRequest(TenantRow):
    """A request as stored."""

    __tablename__ = "erasure_requests"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("state in ('open', 'approved', 'declined')", name="state"),
        # Asked twice is one wish: the database itself refuses a second.
        Index("uq_erasure_requests_one_open", "clinic_id", "patient_id", unique=True, postgresql_where=_OPEN),
        Index("ix_erasure_requests_state", "clinic_id", "state", "id"),
        Index("ix_erasure_requests_patient", "clinic_id", "patient_id", "id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # No foreign key: a request that was approved outlives the patient's row.
    patient_id: Mapped[UUID]
    state: Mapped[str]
    requested_at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    # Why it was declined; gone once another request is approved.
    reason_sealed: Mapped[bytes | None]
    version: Mapped[int]
    # The patient's, wrapped: it opens the reason.
    wrapped_key: bytes | None = field(default=None, repr=False)


async def add(work: UnitOfWork, request: StoredRequest) -> bool:
    """Keep a request, unless one is open; says whether it was kept."""
    values = values_of(request)
    added = await work.execute(
        insert(StoredRequest)
        .values(clinic_id=work.clinic_id, **values)
        .on_conflict_do_nothing(
            index_elements=[StoredRequest.clinic_id, StoredRequest.patient_id], index_where=_OPEN
        )
        .returning(StoredRequest.id)
    )
    return added.one_or_none() is not None


async def lock(work: UnitOfWork, request_id: UUID) -> StoredRequest | None:
    """Find a request of this clinic, and keep others off it until the transaction ends."""
    found = await work.execute(
        _requests(work).where(StoredRequest.id == request_id).with_for_update(of=StoredRequest)
    )
    row = found.one_or_none()
    return row and StoredRequest(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def decide(
    work: UnitOfWork,
    request_id: UUID,
    *,
    state: str,
    now: datetime,
    by: UUID | None,
    reason_sealed: bytes | None,
) -> None:
    """Note what was decided about a request that the caller has locked."""
    await work.execute(
        update(StoredRequest)
        .where(StoredRequest.clinic_id == work.clinic_id, StoredRequest.id == request_id)
        .values(
            state=state,
            decided_at=now,
            decided_by=by,
            reason_sealed=reason_sealed,
            version=StoredRequest.version + 1,
        )
    )


async def page(work: UnitOfWork, *, states: list[str], after: UUID | None, limit: int) -> list[StoredRequest]:
    """List the clinic's requests in these states, oldest first."""
    statement = _requests(work).where(StoredRequest.state.in_(states))
    if after is not None:
        statement = statement.where(StoredRequest.id > after)
    found = await work.execute(statement.order_by(StoredRequest.id).limit(limit))
    return [StoredRequest(**row._mapping) for row in found]  # noqa: SLF001 - same


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredRequest]:
    """List a patient's requests, oldest first."""
    found = await work.execute(
        _requests(work).where(StoredRequest.patient_id == patient_id).order_by(StoredRequest.id)
    )
    return [StoredRequest(**row._mapping) for row in found]  # noqa: SLF001 - same


def _requests(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    wrapped_key = wrapped_key_of(work, StoredRequest.patient_id)
    return select(*columns_of(StoredRequest), wrapped_key).where(StoredRequest.clinic_id == work.clinic_id)
