"""What else changed in a patient's life and treatment, with its day: shown beside the trend, and never decides."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import Base64Bytes, TypeAdapter
from sqlalchemy import CheckConstraint, Index, Numeric, Select, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.record_versions import RecordVersion


class CircumstanceKind(StrEnum):
    """What changed: a factor of the patient's, or another therapy."""

    SEVERITY = "severity"
    ILLNESS_DURATION = "illness_duration"
    CONDITION = "condition"
    PHYSICAL_HEALTH = "physical_health"
    WEIGHT = "weight"
    ANTIDEPRESSANT_STARTED = "antidepressant_started"
    ANTIDEPRESSANT_CHANGED = "antidepressant_changed"
    TMS = "tms"
    ECT = "ect"
    PSYCHOTHERAPY = "psychotherapy"
    OTHER_MEDICATION = "other_medication"


class Severity(StrEnum):
    """How severe a clinician finds the illness."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class CircumstanceRow(TenantRow):
    """One circumstance as it is believed now; earlier versions are among the record's versions."""

    __tablename__ = "circumstances"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("until >= since", name="until"),
        Index("ix_circumstances_patient", "clinic_id", "patient_id", "since"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    since: Mapped[date]
    until: Mapped[date | None]
    severity: Mapped[str | None]
    months: Mapped[int | None]
    weight_kg: Mapped[float | None] = mapped_column(Numeric(5, 2, asdecimal=False))
    # What it is in words, such as a medicine with its dose.
    detail_sealed: Mapped[bytes | None]
    version: Mapped[int]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstance:
    """Something that changed, from a day on.

    Attributes:
        until: its last day; None: it goes on, or is of one day.
        months: how long the illness had lasted then.
        weight_kg: body weight in kilograms.
        detail_sealed: what it is in words, sealed with the patient's own key.
    """

    id: UUID
    kind: CircumstanceKind
    since: date
    until: date | None = None
    severity: Severity | None = None
    months: int | None = None
    weight_kg: float | None = None
    detail_sealed: Base64Bytes | None = None
    version: int = 1


_CONTENT: Final = TypeAdapter(Circumstance)


def content_of(stored: Circumstance) -> dict[str, Any]:
    """Give what a replaced version keeps of a circumstance."""
    content: dict[str, Any] = _CONTENT.dump_python(stored, mode="json")
    return content


def from_version(version: RecordVersion) -> Circumstance:
    """Read a replaced version of a circumstance."""
    return _CONTENT.validate_python(version.content)


async def add(work: UnitOfWork, patient_id: UUID, one: Circumstance) -> None:
    """Keep a circumstance."""
    await work.execute(
        insert(CircumstanceRow).values(
            clinic_id=work.clinic_id, patient_id=patient_id, created_at=work.now, **_values(one)
        )
    )


async def replace(work: UnitOfWork, one: Circumstance) -> None:
    """Write what a circumstance says from now on; the caller keeps what it said before."""
    await work.execute(
        update(CircumstanceRow)
        .where(work.owns(CircumstanceRow), CircumstanceRow.id == one.id)
        .values(**_values(one))
    )


async def take_away(work: UnitOfWork, circumstance_id: UUID) -> None:
    """Take one away that was entered in error; what it said is kept among the record's versions."""
    await work.execute(
        delete(CircumstanceRow).where(work.owns(CircumstanceRow), CircumstanceRow.id == circumstance_id)
    )


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[Circumstance]:
    """List a patient's circumstances as they are believed now, latest first."""
    found = await work.execute(
        _circumstances(work, patient_id).order_by(CircumstanceRow.since.desc(), CircumstanceRow.id.desc())
    )
    return [_circumstance(row) for row in found]


async def find(work: UnitOfWork, patient_id: UUID, circumstance_id: UUID) -> Circumstance | None:
    """Find one of a patient's circumstances as it is believed now."""
    found = await work.execute(_circumstances(work, patient_id).where(CircumstanceRow.id == circumstance_id))
    row = found.one_or_none()
    return row and _circumstance(row)


def _circumstances(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[Any, ...]]:
    columns = [getattr(CircumstanceRow, name) for name in Circumstance.__dataclass_fields__]
    return select(*columns).where(work.owns(CircumstanceRow), CircumstanceRow.patient_id == patient_id)


def _circumstance(row: Any) -> Circumstance:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    severity = values.pop("severity")
    return Circumstance(
        kind=CircumstanceKind(values.pop("kind")),
        severity=Severity(severity) if severity else None,
        **values,
    )


def _values(one: Circumstance) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Circumstance.__dataclass_fields__}
