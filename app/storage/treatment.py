"""Courses of treatment and infusions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, Numeric, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.check_ins import check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase, Route
from app.clinical.review import RecordedBenefit
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn


class CourseRow(TenantRow):
    """One course of treatment."""

    __tablename__ = "courses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        Index("ix_courses_patient", "clinic_id", "patient_id", "started_on"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    protocol: Mapped[str]
    planned_infusions: Mapped[int | None]
    started_on: Mapped[date]
    induction_ended_on: Mapped[date | None]
    reviewed_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    stopped_on: Mapped[date | None]
    # A benefit that a clinician saw and the scales did not show.
    benefit_recorded_on: Mapped[date | None]
    benefit_recorded_by: Mapped[UUID | None]
    version: Mapped[int]
    created_at: Mapped[datetime]


class InfusionRow(TenantRow):
    """One infusion that was given."""

    __tablename__ = "infusions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        CheckConstraint("phase in ('induction', 'booster')", name="phase"),
        Index("uq_infusions_moment", "clinic_id", "patient_id", "given_at", unique=True),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    given_at: Mapped[datetime]
    # The patient's zone when it was entered: a traveller's past days do not move.
    time_zone: Mapped[str]
    phase: Mapped[str]
    dose_mg_per_kg: Mapped[float | None] = mapped_column(Numeric(5, 3, asdecimal=False))
    route: Mapped[str | None]
    created_at: Mapped[datetime]
    turn: Mapped[int]


INFUSION_COLUMNS: Final = (
    InfusionRow.id,
    InfusionRow.given_at,
    InfusionRow.time_zone,
    InfusionRow.phase,
    InfusionRow.dose_mg_per_kg,
    InfusionRow.route,
)
"""What `infusions_by_patient` reads, beside the patient's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCourse:
    """A course with what staff recorded beside it."""

    course: Course
    benefit: RecordedBenefit | None
    version: int


async def add_course(work: UnitOfWork, patient_id: UUID, course: Course) -> None:
    """Keep a new course."""
    await work.execute(
        insert(CourseRow).values(
            clinic_id=work.clinic_id,
            id=UUID(course.id),
            patient_id=patient_id,
            protocol=course.protocol,
            planned_infusions=course.planned_infusions,
            started_on=course.started_on,
            induction_ended_on=course.induction_ended_on,
            reviewed_on=course.reviewed_on,
            ended_on=course.ended_on,
            stopped_on=course.stopped_on,
            version=1,
            created_at=work.now,
        )
    )


async def current_course(work: UnitOfWork, patient_id: UUID) -> Course | None:
    """Find the patient's latest course."""
    stored = await stored_course(work, patient_id)
    return stored.course if stored else None


async def stored_course(work: UnitOfWork, patient_id: UUID) -> StoredCourse | None:
    """Find the patient's latest course, with what staff recorded of it."""
    found = await work.execute(
        select(
            *course_columns(CourseRow),
            CourseRow.benefit_recorded_on,
            CourseRow.benefit_recorded_by,
            CourseRow.version,
        )
        .where(CourseRow.clinic_id == work.clinic_id, CourseRow.patient_id == patient_id)
        .order_by(CourseRow.started_on.desc(), CourseRow.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return None
    benefit = None
    if row.benefit_recorded_on is not None:
        benefit = RecordedBenefit(
            recorded_on=row.benefit_recorded_on, recorded_by=str(row.benefit_recorded_by)
        )
    return StoredCourse(course=course_in(row), benefit=benefit, version=row.version)


async def change_course(
    work: UnitOfWork, course_id: UUID, *, version: int, **values: date | int | UUID | None
) -> bool:
    """Change some columns of a course if it still is at this version; says whether it was."""
    changed = await work.execute(
        update(CourseRow)
        .where(CourseRow.clinic_id == work.clinic_id, CourseRow.id == course_id, CourseRow.version == version)
        .values(version=version + 1, **values)
    )
    return bool(changed.rowcount)


async def begin_earlier(work: UnitOfWork, course_id: UUID, *, started_on: date) -> None:
    """Let a course begin on an earlier day: an infusion that came to light belongs to it."""
    await work.execute(
        update(CourseRow)
        .where(CourseRow.clinic_id == work.clinic_id, CourseRow.id == course_id)
        .values(started_on=started_on, version=CourseRow.version + 1)
    )


async def add_infusion(
    work: UnitOfWork,
    patient_id: UUID,
    infusion: Infusion,
    *,
    time_zone: str,
) -> bool:
    """Keep an infusion, unless the patient has one at this very moment already; says whether it was kept."""
    added = await work.execute(
        insert(InfusionRow)
        .on_conflict_do_nothing(
            index_elements=[InfusionRow.clinic_id, InfusionRow.patient_id, InfusionRow.given_at]
        )
        .values(
            clinic_id=work.clinic_id,
            id=UUID(infusion.id),
            patient_id=patient_id,
            given_at=infusion.given_at,
            time_zone=time_zone,
            phase=infusion.phase.value,
            dose_mg_per_kg=infusion.dose_mg_per_kg,
            route=infusion.route.value if infusion.route else None,
            created_at=work.now,
            turn=this_turn(work, patient_id),
        )
        .returning(InfusionRow.id)
    )
    return added.one_or_none() is not None


async def infusions(
    work: UnitOfWork, patient_id: UUID, *, since: datetime | None = None, up_to_turn: int | None = None
) -> tuple[Infusion, ...]:
    """List the infusions of a patient, oldest first.

    ``since``: only those given from that moment on. ``up_to_turn``: only those that were entered by that turn
    of the patient's.
    """
    later = () if since is None else (InfusionRow.given_at >= since,)
    known = () if up_to_turn is None else (InfusionRow.turn <= up_to_turn,)
    found = await work.execute(
        select(*INFUSION_COLUMNS)
        .where(InfusionRow.clinic_id == work.clinic_id, InfusionRow.patient_id == patient_id, *later, *known)
        .order_by(InfusionRow.given_at, InfusionRow.id)
    )
    return tuple(_infusion(row) for row in found)


async def infusion_days(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[date]]:
    """Give the days on which several patients had infusions, each in the zone in which it was entered."""
    found = await work.execute(
        select(InfusionRow.patient_id, InfusionRow.given_at, InfusionRow.time_zone).where(
            InfusionRow.clinic_id == work.clinic_id, InfusionRow.patient_id.in_(patient_ids)
        )
    )
    days = defaultdict[UUID, list[date]](list)
    for row in found:
        days[row.patient_id].append(check_in_day(row.given_at, row.time_zone))
    return days


def course_columns(course: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401 - the table, or what a join made of it
    """Give what `course_in` reads; the id under a name of its own, so that it may stand beside a patient's."""
    return [
        course.id.label("course_id"),
        course.protocol,
        course.planned_infusions,
        course.started_on,
        course.induction_ended_on,
        course.reviewed_on,
        course.ended_on,
        course.stopped_on,
    ]


def course_in(row: Any) -> Course:  # noqa: ANN401 - SQLAlchemy's row type has no fields of its own
    """Make the course of a row that has one."""
    return Course(
        id=str(row.course_id),
        protocol=row.protocol,
        planned_infusions=row.planned_infusions,
        started_on=row.started_on,
        induction_ended_on=row.induction_ended_on,
        reviewed_on=row.reviewed_on,
        ended_on=row.ended_on,
        stopped_on=row.stopped_on,
    )


def infusions_by_patient(rows: Iterable[Any]) -> dict[UUID, list[Infusion]]:
    """Give each patient's infusions in the order of the rows; none for who has none."""
    given: dict[UUID, list[Infusion]] = defaultdict(list)
    for row in rows:
        given[row.patient_id].append(_infusion(row))
    return given


def _infusion(row: Any) -> Infusion:  # noqa: ANN401 - same
    return Infusion(
        id=str(row.id),
        given_at=row.given_at,
        time_zone=row.time_zone,
        phase=InfusionPhase(row.phase),
        dose_mg_per_kg=row.dose_mg_per_kg,
        route=Route(row.route) if row.route else None,
    )
