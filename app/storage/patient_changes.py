"""What staff changed about who a patient is: one row each, with the reason; the application adds and reads."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class PatientChange(TenantRow):
    """A change as stored."""

    __tablename__ = "patient_changes"
    __table_args__ = (
        # Erased with the patient.
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "kind in ('chart_number', 'archived', 'unarchived', 'merged', 'unmerged')", name="kind"
        ),
        Index("ix_patient_changes_patient", "clinic_id", "patient_id", "at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    # The coded reason of archiving; the others have their reason in words.
    reason: Mapped[str | None]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    facts_sealed: Mapped[bytes | None]


async def add(work: UnitOfWork, change: PatientChange) -> None:
    """Keep a change."""
    values = values_of(change)
    await work.execute(insert(PatientChange).values(clinic_id=work.clinic_id, **values))


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[PatientChange]:
    """List a patient's changes, newest first."""
    columns = columns_of(PatientChange)
    return await work.all(
        PatientChange,
        select(*columns)
        .where(work.owns(PatientChange), PatientChange.patient_id == patient_id)
        .order_by(PatientChange.at.desc(), PatientChange.id.desc()),
    )
