"""What a clinic plans for a patient and knows of them: the taper plan, the factors; one row each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, one_of
from app.storage.engine.unit_of_work import UnitOfWork


class PlanKind(StrEnum):
    """What is kept."""

    TAPER = "taper"
    FACTORS = "factors"


class CarePlanRow(TenantRow):
    """One plan of one patient, as staff last wrote it."""

    __tablename__ = "care_plans"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("kind in ('taper', 'factors')", name="kind"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    version: Mapped[int]
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan as stored; version 0 is one that nobody has written yet."""

    content: dict[str, Any] | None
    version: int


async def find(work: UnitOfWork, patient_id: UUID, kind: PlanKind) -> StoredPlan:
    """Give a patient's plan of this kind."""
    found = await work.execute(
        select(CarePlanRow.content, CarePlanRow.version).where(
            work.owns(CarePlanRow),
            CarePlanRow.patient_id == patient_id,
            CarePlanRow.kind == kind.value,
        )
    )
    row = found.one_or_none()
    return StoredPlan(content=row and row.content, version=row.version if row else 0)


async def find_all(
    work: UnitOfWork, patient_ids: Collection[UUID], kind: PlanKind
) -> dict[UUID, dict[str, Any]]:
    """Give the plans of this kind of several patients; nothing for those that have none."""
    found = await work.execute(
        select(CarePlanRow.patient_id, CarePlanRow.content).where(
            work.owns(CarePlanRow),
            one_of(CarePlanRow.patient_id, patient_ids),
            CarePlanRow.kind == kind.value,
        )
    )
    return {row.patient_id: row.content for row in found}


async def write(
    work: UnitOfWork,
    patient_id: UUID,
    kind: PlanKind,
    content: dict[str, Any],
    *,
    version: int,
) -> bool:
    """Write a plan if it still is at this version; says whether it was."""
    if version == 0:
        written = await work.execute(
            insert(CarePlanRow)
            .values(
                clinic_id=work.clinic_id,
                patient_id=patient_id,
                kind=kind.value,
                content=content,
                version=1,
                changed_at=work.now,
            )
            .on_conflict_do_nothing(
                index_elements=[CarePlanRow.clinic_id, CarePlanRow.patient_id, CarePlanRow.kind]
            )
            .returning(CarePlanRow.version)
        )
    else:
        written = await work.execute(
            update(CarePlanRow)
            .where(
                work.owns(CarePlanRow),
                CarePlanRow.patient_id == patient_id,
                CarePlanRow.kind == kind.value,
                CarePlanRow.version == version,
            )
            .values(content=content, version=version + 1, changed_at=work.now)
            .returning(CarePlanRow.version)
        )
    return written.one_or_none() is not None
