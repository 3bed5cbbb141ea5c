"""What is planned with a patient: infusions and visits on days to come."""

from collections.abc import Sequence
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, Text, and_, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRow

# How many a patient can have at a time.
MOST_PLANNED: Final = 60


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


class Appointment(TenantRow):
    """An appointment as stored; ``made_at`` is when its day was chosen."""

    __tablename__ = "appointments"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("kind in ('induction', 'booster', 'visit')", name="kind"),
        CheckConstraint("state in ('planned', 'kept', 'canceled')", name="state"),
        Index("ix_appointments_patient", "clinic_id", "patient_id", "on"),
        Index("ix_appointments_on", "clinic_id", "on"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[AppointmentKind] = mapped_column(Text())
    # By the patient's clock; without a time, some time that day.
    on: Mapped[date]
    at: Mapped[time | None] = mapped_column(default=None)
    dose_mg_per_kg: Mapped[float | None] = mapped_column(Numeric(5, 3, asdecimal=False), default=None)
    dose_mg: Mapped[float | None] = mapped_column(Numeric(7, 2, asdecimal=False), default=None)
    route: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[AppointmentState] = mapped_column(Text(), default=AppointmentState.PLANNED)
    # The infusion that it became.
    infusion_id: Mapped[UUID | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]


async def add(work: UnitOfWork, one: Appointment) -> None:
    """Keep a new appointment."""
    await work.execute(insert(Appointment).values(clinic_id=work.clinic_id, **values_of(one)))


async def change(
    work: UnitOfWork,
    one: Appointment,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Change some columns if it still is at this version; says whether it was."""
    return await work.changes(
        update(Appointment)
        .where(
            work.owns(Appointment),
            Appointment.id == one.id,
            Appointment.version == one.version,
        )
        .values(version=one.version + 1, **values)
    )


async def take_away(work: UnitOfWork, appointment_id: UUID) -> None:
    """Take an appointment away that was only a duplicate's."""
    await work.execute(delete(Appointment).where(work.owns(Appointment), Appointment.id == appointment_id))


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[Appointment]:
    """List a patient's appointments, in the order of their days."""
    found = await work.execute(
        select(*columns_of(Appointment))
        .where(work.owns(Appointment), Appointment.patient_id == patient_id)
        .order_by(Appointment.on, Appointment.at.nulls_last(), Appointment.id)
    )
    return [_appointment(row) for row in found]


async def planned_of_patient(work: UnitOfWork, patient_id: UUID) -> list[Appointment]:
    """List what is planned with a patient, in the order of the days."""
    every = await of_patient(work, patient_id)
    return [one for one in every if one.state is AppointmentState.PLANNED]


async def planned_between(work: UnitOfWork, *, first: date, last: date) -> list[Appointment]:
    """List what the clinic has planned for these days, both included, in the order of their days.

    What is planned with a patient who is archived or merged is not: nobody expects them.
    """
    patient = PatientRow
    found = await work.execute(
        select(*columns_of(Appointment))
        .join(patient, and_(patient.clinic_id == Appointment.clinic_id, patient.id == Appointment.patient_id))
        .where(
            work.owns(Appointment),
            patient.archived_at.is_(None),
            Appointment.state == AppointmentState.PLANNED.value,
            Appointment.on.between(first, last),
        )
        .order_by(Appointment.on, Appointment.at.nulls_last(), Appointment.id)
    )
    return [_appointment(row) for row in found]


def boosters_in(planned: Sequence[Appointment]) -> list[Appointment]:
    """Give those that are boosters still to come, in the order of their days."""
    return [
        one
        for one in planned
        if one.kind is AppointmentKind.BOOSTER and one.state is AppointmentState.PLANNED
    ]


def _appointment(row: Any) -> Appointment:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    kind, state = AppointmentKind(values.pop("kind")), AppointmentState(values.pop("state"))
    return Appointment(kind=kind, state=state, **values)
