"""References that clinicians chose; the latest one holds. They travel with the standing read."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.history import ChosenReference
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn


class ChosenReferenceRow(TenantRow):
    """One choice of a window, and the sealed reason for it."""

    __tablename__ = "chosen_references"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        Index("ix_chosen_references_patient", "clinic_id", "patient_id", "set_at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    from_day: Mapped[date]
    to_day: Mapped[date]
    reason_sealed: Mapped[bytes]
    set_at: Mapped[datetime]
    set_by: Mapped[UUID | None]
    turn: Mapped[int]


async def add(
    work: UnitOfWork,
    choice_id: UUID,
    patient_id: UUID,
    choice: ChosenReference,
    *,
    reason_sealed: bytes,
    set_by: UUID | None,
) -> None:
    """Keep a choice."""
    await work.execute(
        insert(ChosenReferenceRow).values(
            clinic_id=work.clinic_id,
            id=choice_id,
            patient_id=patient_id,
            from_day=choice.from_day,
            to_day=choice.to_day,
            reason_sealed=reason_sealed,
            set_at=choice.set_at,
            set_by=set_by,
            turn=this_turn(work, patient_id),
        )
    )


async def known_in(work: UnitOfWork, patient_id: UUID, *, turn: int) -> ChosenReference | None:
    """Give the choice that held in a turn of the patient's."""
    found = await work.execute(
        select(ChosenReferenceRow.from_day, ChosenReferenceRow.to_day, ChosenReferenceRow.set_at)
        .where(
            ChosenReferenceRow.clinic_id == work.clinic_id,
            ChosenReferenceRow.patient_id == patient_id,
            ChosenReferenceRow.turn <= turn,
        )
        .order_by(ChosenReferenceRow.set_at.desc(), ChosenReferenceRow.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return row and ChosenReference(from_day=row.from_day, to_day=row.to_day, set_at=row.set_at)
