"""Merges of duplicates: who went into whom, what was copied, and until when; enough to take each back exactly.

The duplicate's own rows stay where they are, so that what was decided about them is decided the same again. The other
patient gets copies, which are voided when the merge is taken back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Index, Select, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.devices import DeviceRow
from app.storage.engine.audit import StoredEvent, from_moment
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a merge copied to the other patient and moved there, by the ids that it has there.

    ``care_team`` are the members who were assigned with it; ``signal`` is the duplicate's open signal, which was
    closed.
    """

    courses: tuple[UUID, ...] = ()
    infusions: tuple[UUID, ...] = ()
    assessments: tuple[UUID, ...] = ()
    check_ins: tuple[UUID, ...] = ()
    references: tuple[UUID, ...] = ()
    circumstances: tuple[UUID, ...] = ()
    appointments: tuple[UUID, ...] = ()
    sleep_nights: tuple[UUID, ...] = ()
    care_team: tuple[UUID, ...] = ()
    devices: tuple[UUID, ...] = ()
    signal: UUID | None = None


_CONTENT: Final = TypeAdapter(Copied)


class PatientMerge(TenantRow):
    """One merge; it holds until it is taken back. ``patient_id`` is the duplicate."""

    __tablename__ = "patient_merges"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        clinic_foreign_key("into_id", of="patients"),
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
    patient_id: Mapped[UUID]
    into_id: Mapped[UUID]
    merged_at: Mapped[datetime]
    merged_by: Mapped[UUID | None]
    # Ids of what was copied and moved, and of the signal that was closed with it.
    content: Mapped[dict[str, Any]]
    unmerged_at: Mapped[datetime | None] = mapped_column(init=False)
    unmerged_by: Mapped[UUID | None] = mapped_column(init=False)

    @property
    def copied(self) -> Copied:
        """What was copied and moved."""
        return _CONTENT.validate_python(self.content)


async def add(work: UnitOfWork, merge: PatientMerge) -> None:
    """Keep a merge."""
    await work.execute(insert(PatientMerge).values(clinic_id=work.clinic_id, **values_of(merge)))


def content_of(copied: Copied) -> dict[str, Any]:
    """Give what is kept of what was copied."""
    plain: dict[str, Any] = _CONTENT.dump_python(copied, mode="json")
    return plain


async def end(work: UnitOfWork, merge_id: UUID) -> None:
    """Note that a merge was taken back."""
    await work.execute(
        update(PatientMerge)
        .where(work.owns(PatientMerge), PatientMerge.id == merge_id)
        .values(unmerged_at=work.now, unmerged_by=work.actor.id)
    )


async def holding(work: UnitOfWork, patient_id: UUID) -> PatientMerge | None:
    """Find the merge by which this patient went into another."""
    found = await work.execute(_merges(work).where(PatientMerge.patient_id == patient_id))
    row = found.one_or_none()
    return None if row is None else _merge(row)


async def into(work: UnitOfWork, patient_id: UUID) -> list[PatientMerge]:
    """List the merges by which others went into this patient, latest first."""
    found = await work.execute(
        _merges(work).where(PatientMerge.into_id == patient_id).order_by(PatientMerge.id.desc())
    )
    return [_merge(row) for row in found]


def _merges(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(PatientMerge)).where(
        work.owns(PatientMerge), PatientMerge.unmerged_at.is_(None)
    )


def _merge(row: Any) -> PatientMerge:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    return PatientMerge(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def move_device(work: UnitOfWork, device_id: UUID, *, to: UUID, name_sealed: bytes) -> None:
    """Let a device speak for another patient; its name is sealed with that patient's key."""
    await work.execute(
        update(DeviceRow)
        .where(work.owns(DeviceRow), DeviceRow.id == device_id)
        .values(patient_id=to, name_sealed=name_sealed)
    )


async def sent_since(work: UnitOfWork, devices: tuple[UUID, ...], *, since: datetime) -> set[UUID]:
    """Give what these devices sent since a moment, by the audit log: check-ins, forms and nights."""
    row = StoredEvent
    found = await work.execute(
        select(row.subject_id).where(
            work.owns(row),
            row.action.in_(("check_in.recorded", "assessment.entered", "sleep_night.recorded")),
            row.actor_kind == "device",
            row.actor_id.in_(devices),
            from_moment(since),
            row.subject_id.is_not(None),
        )
    )
    return set(found.scalars())
