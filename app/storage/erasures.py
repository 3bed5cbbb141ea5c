"""Wishes to be erased, the erasure itself, and the tombstone that remains: ids and times."""

from dataclasses import field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Select,
    any_,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.signals import Signal


class Erasure(TenantRow):
    """A tombstone: that a patient was erased. The application can add it, and never change or remove it."""

    __tablename__ = "erasures"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        clinic_foreign_key("request_id", of="erasure_requests"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID]
    erased_at: Mapped[datetime]
    erased_by: Mapped[UUID | None]
    # So that a signal's id, too, leads to "erased".
    signal_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), init=False)


# A job names a patient, a signal or a safety event, and may wait for days. One that runs now finds nobody, and goes.
_FORGET_JOBS: Final = text("""
    DELETE FROM jobs.procrastinate_jobs
     WHERE status = 'todo' AND args ->> 'clinic_id' = :clinic_id
       AND (args ->> 'patient_id' = :patient_id
            OR args ->> 'signal_id' IN (
                SELECT id::text FROM care.signals
                 WHERE clinic_id = CAST(:clinic_id AS uuid) AND patient_id = CAST(:patient_id AS uuid))
            OR args ->> 'event_id' IN (
                SELECT id::text FROM care.safety_events
                 WHERE clinic_id = CAST(:clinic_id AS uuid) AND patient_id = CAST(:patient_id AS uuid)))
""")


async def erase(work: UnitOfWork, erasure: Erasure) -> None:
    """Remove every row about a patient for good, and put up the tombstone.

    The caller holds the patient's turn, and has marked the request as approved. The removing is done by a
    function of the owner's (migration 0007), which looks itself that there is such a request, and that no
    safety event is open: the application may not delete from most of these tables.
    """
    signal_ids = select(func.coalesce(func.array_agg(Signal.id), literal([], ARRAY(Uuid())))).where(
        work.owns(Signal), Signal.patient_id == erasure.patient_id
    )
    await work.execute(
        insert(Erasure).values(
            clinic_id=work.clinic_id, signal_ids=signal_ids.scalar_subquery(), **values_of(erasure)
        )
    )
    await work.execute(
        _FORGET_JOBS, {"clinic_id": str(work.clinic_id), "patient_id": str(erasure.patient_id)}
    )
    await work.execute(select(func.care.erase_patient(erasure.patient_id)))


async def find(work: UnitOfWork, patient_id: UUID) -> Erasure | None:
    """Find the tombstone of a patient of this clinic."""
    return await work.one(Erasure, _erasures(work).where(Erasure.patient_id == patient_id))


async def of_signal(work: UnitOfWork, signal_id: UUID) -> Erasure | None:
    """Find the tombstone of the patient whose signal this was."""
    return await work.one(Erasure, _erasures(work).where(literal(signal_id) == any_(Erasure.signal_ids)))


def _erasures(work: UnitOfWork) -> Select[*tuple[object, ...]]:
    return select(*columns_of(Erasure)).where(work.owns(Erasure))


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
    return await work.one(
        StoredRequest, _requests(work).where(StoredRequest.id == request_id).with_for_update(of=StoredRequest)
    )


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
        .where(work.owns(StoredRequest), StoredRequest.id == request_id)
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
    return await work.all(StoredRequest, statement.order_by(StoredRequest.id).limit(limit))


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredRequest]:
    """List a patient's requests, oldest first."""
    return await work.all(
        StoredRequest,
        _requests(work).where(StoredRequest.patient_id == patient_id).order_by(StoredRequest.id),
    )


def _requests(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    wrapped_key = wrapped_key_of(work, StoredRequest.patient_id)
    return select(*columns_of(StoredRequest), wrapped_key).where(work.owns(StoredRequest))
