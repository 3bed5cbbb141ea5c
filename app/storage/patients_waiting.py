"""Patients about whom there is something to look after beside signals: silence, no reference, a review due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from app.storage.check_ins import CheckInRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.reminder_plans import ReminderPlanRow
from app.storage.treatment import CourseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPatient:
    """One of them; the reference opens with the patient's key."""

    id: UUID
    external_ref_sealed: bytes
    wrapped_key: bytes | None


async def told_of(work: UnitOfWork, condition: str, *, limit: int) -> list[WaitingPatient]:
    """List patients for whom a condition holds that the clinic was told of."""
    statement = _patients(work).where(
        # Said as the index says it, so that only those are read for whom something holds.
        PatientStateRow.told != [],
        PatientStateRow.told.contains([condition]),
    )
    return _listed(await work.execute(statement.order_by(PatientStateRow.patient_id).limit(limit)))


async def silent(work: UnitOfWork, *, limit: int) -> list[WaitingPatient]:
    """List patients of whose silence the clinic was told and who have not checked in since, the latest first."""
    plan = ReminderPlanRow
    statement = (
        _patients(work)
        .join(plan, and_(plan.clinic_id == PatientRow.clinic_id, plan.patient_id == PatientRow.id))
        .where(
            plan.clinic_id == work.clinic_id,
            plan.overdue_told_for.is_not(None),
            ~_checked_in_since(),
            _is_treated(),
        )
        .order_by(plan.overdue_told_for.desc())
        .limit(limit)
    )
    return _listed(await work.execute(statement))


async def longest_not_looked_at(work: UnitOfWork) -> datetime | None:
    """Say since when the sweep should have looked at the patient who waits longest for it."""
    plan = ReminderPlanRow
    found = await work.execute(select(func.min(plan.next_look_at)).where(plan.clinic_id == work.clinic_id))
    since: datetime | None = found.scalar_one()
    return since


def _checked_in_since() -> ColumnElement[bool]:
    return exists().where(
        CheckInRow.clinic_id == ReminderPlanRow.clinic_id,
        CheckInRow.patient_id == ReminderPlanRow.patient_id,
        CheckInRow.check_in_day > ReminderPlanRow.overdue_told_for,
        CheckInRow.withdrawn_at.is_(None),
    )


def _is_treated() -> ColumnElement[bool]:
    """Say whether a course goes on: of others nothing is asked."""
    return exists().where(
        CourseRow.clinic_id == PatientRow.clinic_id,
        CourseRow.patient_id == PatientRow.id,
        CourseRow.ended_on.is_(None),
        CourseRow.stopped_on.is_(None),
    )


def _patients(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    """Select patients who have not withdrawn consent."""
    return (
        select(PatientRow.id, PatientRow.external_ref_sealed, wrapped_key_of(work, PatientRow.id))
        .join(
            PatientStateRow,
            (PatientStateRow.clinic_id == PatientRow.clinic_id)
            & (PatientStateRow.patient_id == PatientRow.id),
        )
        .where(PatientRow.clinic_id == work.clinic_id, PatientStateRow.consent_withdrawn_at.is_(None))
    )


def _listed(found: Any) -> list[WaitingPatient]:  # noqa: ANN401 - SQLAlchemy's result has no type of its own
    return [WaitingPatient(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
