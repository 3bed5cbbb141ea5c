"""Merges of duplicates: who went into whom, what was copied, and until when; enough to take each back exactly.

The duplicate's own rows stay where they are, so that what was decided about them is decided the same again. The other
patient gets copies, which are voided when the merge is taken back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ForeignKeyConstraint, Index, Select, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.devices import DeviceRow
from app.storage.engine.audit import AuditEventRow
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class PatientMergeRow(TenantRow):
    """One merge; it holds until it is taken back."""

    __tablename__ = "patient_merges"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        ForeignKeyConstraint(["clinic_id", "into_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]),
        Index(
            "uq_patient_merges_holding",
            "clinic_id",
            "patient_id",
            unique=True,
            postgresql_where=text("unmerged_at IS NULL"),
        ),
        Index("ix_patient_merges_into", "clinic_id", "into_id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # The duplicate.
    patient_id: Mapped[UUID]
    into_id: Mapped[UUID]
    merged_at: Mapped[datetime]
    merged_by: Mapped[UUID | None]
    # Ids of what was copied and moved, and of the signal that was closed with it.
    content: Mapped[dict[str, Any]]
    unmerged_at: Mapped[datetime | None]
    unmerged_by: Mapped[UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a merge copied to the other patient and moved there, by the ids that it has there.

    ``signal`` is the duplicate's open signal, which was closed.
    """

    courses: tuple[UUID, ...] = ()
    infusions: tuple[UUID, ...] = ()
    assessments: tuple[UUID, ...] = ()
    check_ins: tuple[UUID, ...] = ()
    references: tuple[UUID, ...] = ()
    devices: tuple[UUID, ...] = ()
    signal: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merge that holds."""

    id: UUID
    patient_id: UUID
    into_id: UUID
    merged_at: datetime
    content: Copied


_CONTENT: Final = TypeAdapter(Copied)


async def add(work: UnitOfWork, merge: Merge) -> None:
    """Keep a merge."""
    await work.execute(
        insert(PatientMergeRow).values(
            clinic_id=work.clinic_id,
            id=merge.id,
            patient_id=merge.patient_id,
            into_id=merge.into_id,
            merged_at=merge.merged_at,
            merged_by=work.actor.id,
            content=_CONTENT.dump_python(merge.content, mode="json"),
        )
    )


async def end(work: UnitOfWork, merge_id: UUID) -> None:
    """Note that a merge was taken back."""
    await work.execute(
        update(PatientMergeRow)
        .where(PatientMergeRow.clinic_id == work.clinic_id, PatientMergeRow.id == merge_id)
        .values(unmerged_at=work.now, unmerged_by=work.actor.id)
    )


async def holding(work: UnitOfWork, patient_id: UUID) -> Merge | None:
    """Find the merge by which this patient went into another."""
    found = await work.execute(_merges(work).where(PatientMergeRow.patient_id == patient_id))
    row = found.one_or_none()
    return None if row is None else _merge(row)


async def into(work: UnitOfWork, patient_id: UUID) -> list[Merge]:
    """List the merges by which others went into this patient, latest first."""
    found = await work.execute(
        _merges(work).where(PatientMergeRow.into_id == patient_id).order_by(PatientMergeRow.id.desc())
    )
    return [_merge(row) for row in found]


def _merges(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    row = PatientMergeRow
    return select(row.id, row.patient_id, row.into_id, row.merged_at, row.content).where(
        row.clinic_id == work.clinic_id, row.unmerged_at.is_(None)
    )


def _merge(row: Any) -> Merge:  # noqa: ANN401 - SQLAlchemy's row type has no fields of its own
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    return Merge(**values | {"content": _CONTENT.validate_python(values["content"])})


async def move_device(work: UnitOfWork, device_id: UUID, *, to: UUID, name_sealed: bytes) -> None:
    """Let a device speak for another patient; its name is sealed with that patient's key."""
    await work.execute(
        update(DeviceRow)
        .where(DeviceRow.clinic_id == work.clinic_id, DeviceRow.id == device_id)
        .values(patient_id=to, name_sealed=name_sealed)
    )


async def sent_since(work: UnitOfWork, devices: tuple[UUID, ...], *, since: datetime) -> set[UUID]:
    """Give what these devices sent since a moment, by the audit log: check-ins and forms."""
    row = AuditEventRow
    found = await work.execute(
        select(row.subject_id).where(
            row.clinic_id == work.clinic_id,
            row.action.in_(("check_in.recorded", "assessment.entered")),
            row.actor_kind == "device",
            row.actor_id.in_(devices),
            row.at >= since,
            row.subject_id.is_not(None),
        )
    )
    return set(found.scalars())


async def count_of(work: UnitOfWork, row: type[TenantRow], patient_id: UUID) -> int:
    """Count a patient's rows in a table that has the patient's id."""
    columns = row.__table__.columns
    found = await work.execute(
        select(func.count()).where(
            columns["clinic_id"] == work.clinic_id, columns["patient_id"] == patient_id
        )
    )
    return int(found.scalar_one())
