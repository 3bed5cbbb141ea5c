"""Each patient's own data key, wrapped by the vault's key. It travels with the rows whose cells it opens.

The application may add and read keys, never change or remove one: only erasing does (decision 10).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Label, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class PatientKeyRow(TenantRow):
    """One patient's key. With it goes every way to read what it sealed."""

    __tablename__ = "patient_keys"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped_key: Mapped[bytes]
    made_at: Mapped[datetime]


def wrapped_key_of(work: Owner, patient_id: UUID | ColumnElement[UUID] | Any) -> Label[bytes | None]:  # noqa: ANN401 - a mapped column's type is SQLAlchemy's own
    """Give the column ``wrapped_key`` to read along with a row about a patient; null for one who has none."""
    found = select(PatientKeyRow.wrapped_key).where(
        work.owns(PatientKeyRow), PatientKeyRow.patient_id == patient_id
    )
    return found.scalar_subquery().label("wrapped_key")


async def add(work: UnitOfWork, patient_id: UUID, wrapped_key: bytes, *, made_at: datetime) -> None:
    """Keep a new patient's key; the caller writes the line of the audit log."""
    await work.execute(_new(patient_id=patient_id, wrapped_key=wrapped_key, made_at=made_at))


@built_once
def _new(work: Owner, /, **values: Any) -> Executable:  # noqa: ANN401 - columns
    return insert(PatientKeyRow).values(clinic_id=work.clinic_id, **values)
