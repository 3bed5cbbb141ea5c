"""Patients' wishes to be erased, and what the clinic decided. They outlive the patient's rows: ids and times only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

_OPEN = text("state = 'open'")


class ErasureRequestRow(TenantRow):
    """One wish, from asked to decided."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A request as stored."""

    id: UUID
    patient_id: UUID
    state: str
    requested_at: datetime
    actor_kind: str
    actor_id: UUID | None
    decided_at: datetime | None
    decided_by: UUID | None
    reason_sealed: bytes | None
    version: int
    # The patient's, wrapped: it opens the reason.
    wrapped_key: bytes | None = None


_COLUMNS: Final = tuple(name for name in StoredRequest.__dataclass_fields__ if name != "wrapped_key")


async def add(work: UnitOfWork, request: StoredRequest, *, audit: AuditEvent) -> bool:
    """Keep a request, unless one is open; says whether it was kept."""
    values = {name: getattr(request, name) for name in _COLUMNS}
    added = await work.execute(
        insert(ErasureRequestRow)
        .values(clinic_id=work.clinic_id, **values)
        .on_conflict_do_nothing(
            index_elements=[ErasureRequestRow.clinic_id, ErasureRequestRow.patient_id], index_where=_OPEN
        )
        .returning(ErasureRequestRow.id)
    )
    if added.one_or_none() is None:
        return False
    work.add_audit_event(audit)
    return True


async def lock(work: UnitOfWork, request_id: UUID) -> StoredRequest | None:
    """Find a request of this clinic, and keep others off it until the transaction ends."""
    found = await work.execute(
        _requests(work).where(ErasureRequestRow.id == request_id).with_for_update(of=ErasureRequestRow)
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
    audit: AuditEvent,
) -> None:
    """Note what was decided about a request that the caller has locked."""
    await work.execute(
        update(ErasureRequestRow)
        .where(ErasureRequestRow.clinic_id == work.clinic_id, ErasureRequestRow.id == request_id)
        .values(
            state=state,
            decided_at=now,
            decided_by=by,
            reason_sealed=reason_sealed,
            version=ErasureRequestRow.version + 1,
        )
    )
    work.add_audit_event(audit)


async def page(work: UnitOfWork, *, states: list[str], after: UUID | None, limit: int) -> list[StoredRequest]:
    """List the clinic's requests in these states, oldest first."""
    statement = _requests(work).where(ErasureRequestRow.state.in_(states))
    if after is not None:
        statement = statement.where(ErasureRequestRow.id > after)
    found = await work.execute(statement.order_by(ErasureRequestRow.id).limit(limit))
    return [StoredRequest(**row._mapping) for row in found]  # noqa: SLF001 - same


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredRequest]:
    """List a patient's requests, oldest first."""
    found = await work.execute(
        _requests(work).where(ErasureRequestRow.patient_id == patient_id).order_by(ErasureRequestRow.id)
    )
    return [StoredRequest(**row._mapping) for row in found]  # noqa: SLF001 - same


def _requests(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    columns = [getattr(ErasureRequestRow, name) for name in _COLUMNS]
    wrapped_key = wrapped_key_of(work, ErasureRequestRow.patient_id)
    return select(*columns, wrapped_key).where(ErasureRequestRow.clinic_id == work.clinic_id)
