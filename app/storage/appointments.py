"""What is planned with a patient: infusions and visits on days to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class AppointmentKind(StrEnum):
    """What is planned."""

    INDUCTION = "induction"
    BOOSTER = "booster"
    VISIT = "visit"


class AppointmentState(StrEnum):
    """Where it stands."""

    PLANNED = "planned"
    KEPT = "kept"
    CANCELED = "canceled"


class AppointmentRow(TenantRow):
    """One appointment."""

    __tablename__ = "appointments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        CheckConstraint("kind in ('induction', 'booster', 'visit')", name="kind"),
        CheckConstraint("state in ('planned', 'kept', 'canceled')", name="state"),
        Index("ix_appointments_patient", "clinic_id", "patient_id", "on"),
        Index("ix_appointments_on", "clinic_id", "on"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    # By the patient's clock; without a time, some time that day.
    on: Mapped[date]
    at: Mapped[time | None]
    dose_mg_per_kg: Mapped[float | None] = mapped_column(Numeric(5, 3, asdecimal=False))
    dose_mg: Mapped[float | None] = mapped_column(Numeric(7, 2, asdecimal=False))
    route: Mapped[str | None]
    state: Mapped[str]
    # The infusion that it became.
    infusion_id: Mapped[UUID | None]
    version: Mapped[int]
    made_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An appointment as stored; ``made_at`` is when its day was chosen."""

    id: UUID
    patient_id: UUID
    kind: AppointmentKind
    on: date
    at: time | None = None
    dose_mg_per_kg: float | None = None
    dose_mg: float | None = None
    route: str | None = None
    state: AppointmentState = AppointmentState.PLANNED
    infusion_id: UUID | None = None
    version: int = 1
    made_at: datetime


_FIELDS: Final = tuple(Appointment.__dataclass_fields__)


async def add(work: UnitOfWork, one: Appointment) -> None:
    """Keep a new appointment."""
    values = {name: getattr(one, name) for name in _FIELDS}
    await work.execute(insert(AppointmentRow).values(clinic_id=work.clinic_id, **values))


async def change(
    work: UnitOfWork,
    one: Appointment,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Change some columns if it still is at this version; says whether it was."""
    changed = await work.execute(
        update(AppointmentRow)
        .where(
            AppointmentRow.clinic_id == work.clinic_id,
            AppointmentRow.id == one.id,
            AppointmentRow.version == one.version,
        )
        .values(version=one.version + 1, **values)
    )
    return bool(changed.rowcount)


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[Appointment]:
    """List a patient's appointments, in the order of their days."""
    columns = [getattr(AppointmentRow, name) for name in _FIELDS]
    found = await work.execute(
        select(*columns)
        .where(AppointmentRow.clinic_id == work.clinic_id, AppointmentRow.patient_id == patient_id)
        .order_by(AppointmentRow.on, AppointmentRow.at.nulls_last(), AppointmentRow.id)
    )
    return [_appointment(row) for row in found]


async def planned_between(work: UnitOfWork, *, first: date, last: date) -> list[Appointment]:
    """List what the clinic has planned for these days, both included, in the order of their days."""
    columns = [getattr(AppointmentRow, name) for name in _FIELDS]
    found = await work.execute(
        select(*columns)
        .where(
            AppointmentRow.clinic_id == work.clinic_id,
            AppointmentRow.state == AppointmentState.PLANNED.value,
            AppointmentRow.on.between(first, last),
        )
        .order_by(AppointmentRow.on, AppointmentRow.at.nulls_last(), AppointmentRow.id)
    )
    return [_appointment(row) for row in found]


def boosters_in(planned: Sequence[Appointment]) -> list[Appointment]:
    """Give those that are boosters still to come, in the order of their days."""
    return [
        one
        for one in planned
        if one.kind is AppointmentKind.BOOSTER and one.state is AppointmentState.PLANNED
    ]


def _appointment(row: Any) -> Appointment:  # noqa: ANN401 - SQLAlchemy's row type has no fields of its own
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    kind, state = AppointmentKind(values.pop("kind")), AppointmentState(values.pop("state"))
    return Appointment(kind=kind, state=state, **values)
