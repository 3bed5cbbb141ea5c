"""References that clinicians chose; the latest one holds. They travel with the snapshot."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Select, delete, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.history import ChosenReference
from app.storage import record_versions
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn
from app.storage.record_versions import RecordKind, RecordVersion


class StoredReference(TenantRow):
    """A choice as it is believed now; the words of its reason stay sealed."""

    __tablename__ = "chosen_references"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
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
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    @property
    def choice(self) -> ChosenReference:
        """As the clinical rule knows it."""
        return ChosenReference(from_day=self.from_day, to_day=self.to_day, set_at=self.set_at)


async def add(
    work: UnitOfWork,
    choice_id: UUID,
    patient_id: UUID,
    choice: ChosenReference,
    *,
    reason_sealed: bytes,
    set_by: UUID | None,
    version: int = 1,
) -> None:
    """Keep a choice."""
    await work.execute(
        insert(StoredReference).values(
            clinic_id=work.clinic_id,
            id=choice_id,
            patient_id=patient_id,
            from_day=choice.from_day,
            to_day=choice.to_day,
            reason_sealed=reason_sealed,
            set_at=choice.set_at,
            set_by=set_by,
            turn=this_turn(work, patient_id),
            version=version,
        )
    )


async def change_days(
    work: UnitOfWork, patient_id: UUID, choice_id: UUID, *, from_day: date, to_day: date, version: int
) -> None:
    """Write which days a choice names from this turn on; the caller keeps those that it named before."""
    await work.execute(
        update(StoredReference)
        .where(work.owns(StoredReference), StoredReference.id == choice_id)
        .values(from_day=from_day, to_day=to_day, version=version, turn=this_turn(work, patient_id))
    )


def content_of(stored: StoredReference) -> dict[str, Any]:
    """Give what a replaced version keeps of a choice."""
    content = record_versions.content_of(stored)
    del content["patient_id"]  # the version names the patient
    return content


def from_version(version: RecordVersion) -> StoredReference:
    """Read a replaced version of a choice; until choices counted their versions, only the row knew which it is."""
    named = {"patient_id": version.patient_id, "version": version.version}
    return record_versions.from_content(StoredReference, named | version.content)


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredReference]:
    """List the references that were chosen for a patient, latest first."""
    statement = _references(work, patient_id).order_by(
        StoredReference.set_at.desc(), StoredReference.id.desc()
    )
    return await work.all(StoredReference, statement)


async def find(work: UnitOfWork, patient_id: UUID, choice_id: UUID) -> StoredReference | None:
    """Find one of the references that were chosen for a patient."""
    statement = _references(work, patient_id).where(StoredReference.id == choice_id)
    return await work.one(StoredReference, statement)


def _references(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(StoredReference)).where(
        work.owns(StoredReference), StoredReference.patient_id == patient_id
    )


async def take_away(work: UnitOfWork, choice_id: UUID) -> None:
    """Take a choice away that was made in error; it is kept among the record's versions."""
    await work.execute(
        delete(StoredReference).where(work.owns(StoredReference), StoredReference.id == choice_id)
    )


async def known_in(work: UnitOfWork, patient_id: UUID, *, turn: int) -> ChosenReference | None:
    """Give the choice that held in a turn of the patient's."""
    now = [one for one in await all_of_patient(work, patient_id) if one.turn <= turn]
    replaced = await record_versions.believed_in(work, patient_id, RecordKind.CHOSEN_REFERENCE, turn=turn)
    then = [*now, *(from_version(one) for one in replaced)]
    return max(then, key=lambda one: (one.set_at, one.id)).choice if then else None
