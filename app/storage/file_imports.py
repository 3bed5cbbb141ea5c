"""Imports of a clinic's existing patients from files: what was uploaded until it is imported, and the outcome."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Uuid, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork

STATES: Final = ("open", "checking", "checked", "importing", "imported", "undoing", "undone")


class FileImport(TenantRow):
    """One import; ``files_sealed`` is gone once it is imported, ``found`` holds counts and lines, never a value."""

    __tablename__ = "file_imports"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint(f"state in {STATES}", name="state"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None]
    state: Mapped[str]
    files_sealed: Mapped[bytes | None] = mapped_column(default=None)
    found: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    # Only patients none of whose rows was refused.
    only_good: Mapped[bool] = mapped_column(default=False)
    # Whom it registered; ids outlive an erased patient, as in the audit log.
    patient_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default_factory=list)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


async def add(work: UnitOfWork, one: FileImport) -> None:
    """Keep a new import; what was uploaded before and never imported is forgotten."""
    await work.execute(
        delete(FileImport).where(work.owns(FileImport), FileImport.state.in_(("open", "checking", "checked")))
    )
    await work.execute(insert(FileImport).values(clinic_id=work.clinic_id, **values_of(one)))


async def find(work: UnitOfWork, import_id: UUID, *, lock: bool = False) -> FileImport | None:
    """Find an import of this clinic; lock it where it is about to be changed."""
    statement = select(*columns_of(FileImport)).where(work.owns(FileImport), FileImport.id == import_id)
    return await work.one(FileImport, statement.with_for_update() if lock else statement)


async def latest(work: UnitOfWork, *, limit: int) -> list[FileImport]:
    """List the clinic's imports, latest first, without what was uploaded."""
    columns = [one for one in columns_of(FileImport) if one.key != "files_sealed"]
    return await work.all(
        FileImport, select(*columns).where(work.owns(FileImport)).order_by(FileImport.id.desc()).limit(limit)
    )


async def change(work: UnitOfWork, import_id: UUID, **values: Any) -> None:  # noqa: ANN401 - columns
    """Write these columns of an import, which the caller has locked."""
    await work.execute(
        update(FileImport).where(work.owns(FileImport), FileImport.id == import_id).values(**values)
    )


async def add_patient(work: UnitOfWork, import_id: UUID, patient_id: UUID) -> None:
    """Note whom the import registered."""
    await work.execute(
        update(FileImport)
        .where(work.owns(FileImport), FileImport.id == import_id)
        .values(patient_ids=func.array_append(FileImport.patient_ids, patient_id))
    )


async def forget(work: UnitOfWork, import_id: UUID, states: Sequence[str]) -> bool:
    """Remove an import in one of these states; says whether it was there."""
    gone = await work.execute(
        delete(FileImport)
        .where(work.owns(FileImport), FileImport.id == import_id, FileImport.state.in_(states))
        .returning(FileImport.id)
    )
    return gone.first() is not None
