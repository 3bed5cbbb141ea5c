"""Erasing one patient, and the tombstone that remains: ids and a time, so that "erased" is not "unknown"."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Select, any_, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signals import Signal


class Erasure(TenantRow):
    """A tombstone: that a patient was erased. The application can add it, and never change or remove it."""

    __tablename__ = "erasures"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        ForeignKeyConstraint(
            ["clinic_id", "request_id"], [f"{CARE}.erasure_requests.clinic_id", f"{CARE}.erasure_requests.id"]
        ),
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
        Signal.clinic_id == work.clinic_id, Signal.patient_id == erasure.patient_id
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
    found = await work.execute(_erasures(work).where(Erasure.patient_id == patient_id))
    row = found.one_or_none()
    return row and Erasure(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def of_signal(work: UnitOfWork, signal_id: UUID) -> Erasure | None:
    """Find the tombstone of the patient whose signal this was."""
    found = await work.execute(_erasures(work).where(literal(signal_id) == any_(Erasure.signal_ids)))
    row = found.one_or_none()
    return row and Erasure(**row._mapping)  # noqa: SLF001 - same


def _erasures(work: UnitOfWork) -> Select[*tuple[object, ...]]:
    return select(*columns_of(Erasure)).where(Erasure.clinic_id == work.clinic_id)
