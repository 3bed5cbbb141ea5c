"""References that clinicians chose; the latest one holds. They travel with the standing read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ForeignKeyConstraint, Index, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.history import ChosenReference
from app.storage import record_versions
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn
from app.storage.record_versions import RecordKind


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReference:
    """A choice as it is believed now; the words of its reason stay sealed."""

    id: UUID
    from_day: date
    to_day: date
    set_at: datetime
    set_by: UUID | None
    reason_sealed: bytes
    turn: int

    @property
    def choice(self) -> ChosenReference:
        """As the clinical rule knows it."""
        return ChosenReference(from_day=self.from_day, to_day=self.to_day, set_at=self.set_at)


def content_of(stored: StoredReference) -> dict[str, Any]:
    """Give what a replaced version keeps of a choice."""
    plain = {name: getattr(stored, name) for name in StoredReference.__dataclass_fields__}
    return plain | {"reason_sealed": stored.reason_sealed.hex()}


def from_content(content: Mapping[str, Any]) -> StoredReference:
    """Read a replaced version of a choice."""
    return _CONTENT.validate_python({**content, "reason_sealed": bytes.fromhex(content["reason_sealed"])})


_CONTENT: Final = TypeAdapter(StoredReference)


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredReference]:
    """List the references that were chosen for a patient, latest first."""
    columns = [getattr(ChosenReferenceRow, name) for name in StoredReference.__dataclass_fields__]
    found = await work.execute(
        select(*columns)
        .where(ChosenReferenceRow.clinic_id == work.clinic_id, ChosenReferenceRow.patient_id == patient_id)
        .order_by(ChosenReferenceRow.set_at.desc(), ChosenReferenceRow.id.desc())
    )
    return [StoredReference(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def take_away(work: UnitOfWork, choice_id: UUID) -> None:
    """Take a choice away that was made in error; it is kept among the record's versions."""
    await work.execute(
        delete(ChosenReferenceRow).where(
            ChosenReferenceRow.clinic_id == work.clinic_id, ChosenReferenceRow.id == choice_id
        )
    )


async def known_in(work: UnitOfWork, patient_id: UUID, *, turn: int) -> ChosenReference | None:
    """Give the choice that held in a turn of the patient's."""
    now = [one for one in await all_of_patient(work, patient_id) if one.turn <= turn]
    replaced = await record_versions.believed_in(work, patient_id, RecordKind.CHOSEN_REFERENCE, turn=turn)
    then = [*now, *(from_content(one.content) for one in replaced)]
    return max(then, key=lambda one: (one.set_at, one.id)).choice if then else None
