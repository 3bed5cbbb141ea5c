"""Patients as they were under care in a period, all of a clinic's in three statements. Nothing is written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, true

from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.history import ScaleTotals
from app.storage.assessments import CustomScaleRow, StoredAssessment, totals_in
from app.storage.check_ins import CheckInRow
from app.storage.courses import CourseRow, course_columns, course_in
from app.storage.engine.rows import one_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.infusions import INFUSION_COLUMNS, InfusionRow, infusions_by_patient
from app.storage.insights import Window
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCourse:
    """A course, and when a clinician recorded a benefit beside the scales."""

    course: Course
    benefit_recorded_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePast:
    """One patient's part; courses and infusions in order.

    Of the boosters before the window only the last is there; no other matters in it.
    """

    patient_id: UUID
    time_zone: str
    registered_at: datetime
    consent_withdrawn_at: datetime | None
    courses: tuple[PastCourse, ...]
    infusions: tuple[Infusion, ...]
    check_in_days: frozenset[date]


async def care_in(work: UnitOfWork, window: Window, *, infusions_until: datetime) -> list[CarePast]:
    """List the patients who were under care in the window; three statements, however many they are."""
    patients: dict[UUID, list[Any]] = defaultdict(list)
    for row in await work.execute(_patients(work, window)):
        patients[row.id].append(row)
    ids = list(patients)
    given = await _infusions(work, ids, since=window.began_at, until=infusions_until)
    days = await _check_in_days(work, ids, first=window.first, end=window.end)
    return [
        CarePast(
            patient_id=patient_id,
            time_zone=rows[0].time_zone,
            registered_at=rows[0].registered_at,
            consent_withdrawn_at=rows[0].consent_withdrawn_at,
            courses=tuple(
                PastCourse(course=course_in(row), benefit_recorded_on=row.benefit_recorded_on)
                for row in rows
                if row.course_id is not None
            ),
            infusions=tuple(given.get(patient_id, ())),
            check_in_days=days.get(patient_id, frozenset()),
        )
        for patient_id, rows in patients.items()
    ]


async def totals_of(
    work: UnitOfWork, patient_ids: Sequence[UUID], *, taken_since: datetime
) -> dict[UUID, tuple[ScaleTotals, ...]]:
    """Give several patients' totals taken since then, one entry a scale."""
    row, own = StoredAssessment, CustomScaleRow
    found = await work.execute(
        select(row.patient_id, row.scale, row.taken_at, row.time_zone, row.total, own.definition)
        .outerjoin(own, and_(own.clinic_id == row.clinic_id, own.key == row.scale))
        .where(work.owns(row), one_of(row.patient_id, patient_ids), row.taken_at >= taken_since)
    )
    rows: dict[UUID, list[Any]] = defaultdict(list)
    for one in found:
        rows[one.patient_id].append(one)
    return {patient_id: totals_in(theirs) for patient_id, theirs in rows.items()}


def _patients(work: UnitOfWork, window: Window) -> Any:  # noqa: ANN401 - a statement over two tables
    """Patients with a course that reaches into the window, a row for each, and those who never had one."""
    patient, state, course = PatientRow, PatientStateRow, CourseRow
    closed_on = func.least(course.ended_on, course.stopped_on)
    reaches = and_(
        course.clinic_id == patient.clinic_id,
        course.patient_id == patient.id,
        course.started_on < window.end,
        or_(closed_on.is_(None), closed_on >= window.first),
    )
    ever = exists().where(course.clinic_id == patient.clinic_id, course.patient_id == patient.id)
    return (
        select(
            patient.id,
            patient.time_zone,
            patient.registered_at,
            state.consent_withdrawn_at,
            *course_columns(course),
            course.benefit_recorded_on,
        )
        .join(state, and_(state.clinic_id == patient.clinic_id, state.patient_id == patient.id))
        .outerjoin(course, reaches)
        .where(
            work.owns(patient),
            patient.mode == window.mode,
            patient.registered_at < window.ended_at,
            or_(course.id.is_not(None), ~ever.correlate(patient)),
        )
        .order_by(patient.id, course.started_on, course.id)
    )


async def _infusions(
    work: UnitOfWork, patient_ids: Sequence[UUID], *, since: datetime, until: datetime
) -> dict[UUID, list[Infusion]]:
    row = InfusionRow
    booster = row.phase == InfusionPhase.BOOSTER.value
    number = func.row_number().over(
        partition_by=(row.patient_id, row.phase, row.given_at < since), order_by=row.given_at.desc()
    )
    known = (
        select(
            row.patient_id,
            *INFUSION_COLUMNS,
            or_(~booster, row.given_at >= since, number == 1).label("matters"),
        )
        .where(work.owns(row), one_of(row.patient_id, patient_ids), row.given_at < until)
        .subquery()
    )
    found = await work.execute(select(known).where(known.c.matters).order_by(known.c.given_at, known.c.id))
    return infusions_by_patient(found)


async def _check_in_days(
    work: UnitOfWork, patient_ids: Sequence[UUID], *, first: date, end: date
) -> dict[UUID, frozenset[date]]:
    """Give the days with a check-in that stands. One look into the index a patient, whatever lies before."""
    row = CheckInRow
    days = (
        select(func.array_agg(row.check_in_day.distinct()).label("days"))
        .where(
            row.clinic_id == PatientRow.clinic_id,
            row.patient_id == PatientRow.id,
            row.check_in_day >= first,
            row.check_in_day < end,
            row.superseded_by.is_(None),
            row.withdrawn_at.is_(None),
        )
        .lateral("days")
    )
    found = await work.execute(
        select(PatientRow.id, days.c.days)
        .join(days, true())
        .where(work.owns(PatientRow), one_of(PatientRow.id, patient_ids))
    )
    return {one.id: frozenset(one.days or ()) for one in found}
