"""Courses of treatment."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, ColumnElement, Executable, Index, Select, delete, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.course import Course, DatePrecision, EarlierInfusions
from app.clinical.review import RecordedBenefit
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.protocol_templates import TEMPLATE_CONTENT, OwnTemplate
from app.storage.record_versions import RecordVersion


class CourseRow(TenantRow):
    """One course of treatment."""

    __tablename__ = "courses"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("earlier_precision in ('day', 'month', 'unknown')", name="earlier_precision"),
        # Holds what a check-in asks of the latest course, so that it need not read the row.
        Index(
            "ix_courses_latest",
            "clinic_id",
            "patient_id",
            "started_on",
            postgresql_include=["id", "reviewed_on"],
        ),
        Index(
            "uq_courses_external_id",
            "clinic_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    protocol: Mapped[str]
    planned_infusions: Mapped[int | None]
    started_on: Mapped[date]
    # The first day as staff gave it; an earlier induction infusion lets the course begin with itself.
    declared_started_on: Mapped[date]
    induction_ended_on: Mapped[date | None]
    reviewed_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    stopped_on: Mapped[date | None]
    # The clinic's own template that it was started with, as it was then.
    template: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # The day on which the patient was taken on in maintenance, and infusions before it known by their number only.
    taken_on_at: Mapped[date | None]
    earlier_count: Mapped[int | None]
    earlier_last_on: Mapped[date | None]
    earlier_precision: Mapped[str | None]
    # A benefit that a clinician saw and the scales did not show.
    benefit_recorded_on: Mapped[date | None]
    benefit_recorded_by: Mapped[UUID | None]
    # The id that the clinic's other system has for it, unique within that source.
    external_id: Mapped[str | None]
    source: Mapped[str] = mapped_column(server_default=text("''"))
    version: Mapped[int]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCourse:
    """A course with what staff recorded beside it; ``external_id`` is the one that ``source`` has for it."""

    course: Course
    benefit: RecordedBenefit | None
    version: int
    declared_started_on: date
    external_id: str | None = None
    source: str = ""
    template: OwnTemplate | None = None
    created_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """Its id."""
        return UUID(self.course.id)


_CONTENT: Final = TypeAdapter(StoredCourse)


def content_of(stored: StoredCourse) -> dict[str, Any]:
    """Give what a replaced version keeps of a course."""
    content: dict[str, Any] = _CONTENT.dump_python(stored, mode="json")
    return content


def from_version(version: RecordVersion) -> StoredCourse:
    """Read a replaced version of a course."""
    return _CONTENT.validate_python(version.content)


async def add_course(
    work: UnitOfWork,
    patient_id: UUID,
    course: Course,
    *,
    external_id: str | None = None,
    source: str = "",
    template: OwnTemplate | None = None,
) -> None:
    """Keep a new course, with the id that another system has for it and the template that it is started with."""
    new = StoredCourse(
        course=course,
        benefit=None,
        version=1,
        declared_started_on=course.started_on,
        external_id=external_id,
        source=source,
        template=template,
    )
    await _insert(work, patient_id, new)


async def current_course(work: UnitOfWork, patient_id: UUID) -> Course | None:
    """Find the patient's latest course."""
    stored = await stored_course(work, patient_id)
    return stored.course if stored else None


async def stored_course(work: UnitOfWork, patient_id: UUID) -> StoredCourse | None:
    """Find the patient's latest course, with what staff recorded of it."""
    found = await stored_courses(work, patient_id)
    return found[0] if found else None


async def find(work: UnitOfWork, patient_id: UUID, course_id: UUID) -> StoredCourse | None:
    """Find one course of one patient, with what staff recorded of it."""
    found = await work.execute(
        _courses(work).where(CourseRow.patient_id == patient_id, CourseRow.id == course_id)
    )
    row = found.one_or_none()
    return row and _stored_course(row)


async def stored_courses(work: UnitOfWork, patient_id: UUID) -> list[StoredCourse]:
    """List the patient's courses, latest first, with what staff recorded of each."""
    return [_stored_course(row) for row in await work.execute(_of_patient(patient_id))]


async def course_by_external_id(
    work: UnitOfWork, *, source: str, external_id: str
) -> tuple[UUID, StoredCourse] | None:
    """Find a course by the id that its source gave it, and whose it is."""
    found = await work.execute(
        _courses(work).where(CourseRow.source == source, CourseRow.external_id == external_id)
    )
    row = found.one_or_none()
    return row and (row.patient_id, _stored_course(row))


@built_once
def _of_patient(work: Owner, patient_id: UUID) -> Executable:
    return (
        _courses(work)
        .where(CourseRow.patient_id == patient_id)
        .order_by(CourseRow.started_on.desc(), CourseRow.id.desc())
    )


def _courses(work: Owner) -> Select[*tuple[Any, ...]]:
    return select(
        *course_columns(CourseRow),
        CourseRow.patient_id,
        CourseRow.benefit_recorded_on,
        CourseRow.benefit_recorded_by,
        CourseRow.version,
        CourseRow.declared_started_on,
        CourseRow.template,
        CourseRow.external_id,
        CourseRow.source,
        CourseRow.created_at,
    ).where(work.owns(CourseRow))


def _stored_course(row: Any) -> StoredCourse:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    benefit = None
    if row.benefit_recorded_on is not None:
        benefit = RecordedBenefit(
            recorded_on=row.benefit_recorded_on, recorded_by=str(row.benefit_recorded_by)
        )
    return StoredCourse(
        course=course_in(row),
        benefit=benefit,
        version=row.version,
        declared_started_on=row.declared_started_on,
        template=None if row.template is None else TEMPLATE_CONTENT.validate_python(row.template),
        external_id=row.external_id,
        source=row.source,
        created_at=row.created_at,
    )


async def change_course(
    work: UnitOfWork, course_id: UUID, *, version: int, **values: date | int | UUID | None
) -> bool:
    """Change some columns of a course if it still is at this version; says whether it was."""
    return await work.changes(
        update(CourseRow)
        .where(work.owns(CourseRow), CourseRow.id == course_id, CourseRow.version == version)
        .values(version=version + 1, **values)
    )


async def restore_course(work: UnitOfWork, patient_id: UUID, stored: StoredCourse) -> None:
    """Put a course back that was taken away as entered in error."""
    await _insert(work, patient_id, stored)


async def _insert(work: UnitOfWork, patient_id: UUID, stored: StoredCourse) -> None:
    course, benefit = stored.course, stored.benefit
    await work.execute(
        insert(CourseRow).values(
            clinic_id=work.clinic_id,
            id=UUID(course.id),
            patient_id=patient_id,
            protocol=course.protocol,
            planned_infusions=course.planned_infusions,
            started_on=course.started_on,
            declared_started_on=stored.declared_started_on,
            induction_ended_on=course.induction_ended_on,
            reviewed_on=course.reviewed_on,
            ended_on=course.ended_on,
            stopped_on=course.stopped_on,
            benefit_recorded_on=benefit.recorded_on if benefit else None,
            benefit_recorded_by=UUID(benefit.recorded_by)
            if benefit and benefit.recorded_by != "None"
            else None,
            external_id=stored.external_id,
            source=stored.source,
            template=_template_content(stored.template),
            version=stored.version,
            created_at=stored.created_at or work.now,
            **_taken_on_values(course),
        )
    )


def _template_content(template: OwnTemplate | None) -> dict[str, Any] | None:
    return None if template is None else TEMPLATE_CONTENT.dump_python(template, mode="json")


def _taken_on_values(course: Course) -> dict[str, Any]:
    earlier = course.earlier
    return {
        "taken_on_at": course.taken_on_at,
        "earlier_count": earlier.count if earlier else None,
        "earlier_last_on": earlier.last_on if earlier else None,
        "earlier_precision": earlier.precision.value if earlier else None,
    }


async def take_course_away(work: UnitOfWork, course_id: UUID) -> None:
    """Take a course away that was entered in error; what it said is kept among the record's versions."""
    await work.execute(delete(CourseRow).where(work.owns(CourseRow), CourseRow.id == course_id))


async def begin_on(work: UnitOfWork, course_id: UUID, *, started_on: date) -> None:
    """Let a course begin on another day: an infusion that came to light belongs to it, or does not after all."""
    await work.execute(
        update(CourseRow)
        .where(work.owns(CourseRow), CourseRow.id == course_id)
        .values(started_on=started_on, version=CourseRow.version + 1)
    )


def course_columns(course: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401 - the table, or what a join made of it
    """Give what `course_in` reads; the id under a separate name, so that it may stand beside a patient's."""
    return [
        course.id.label("course_id"),
        course.protocol,
        course.planned_infusions,
        course.started_on,
        course.induction_ended_on,
        course.reviewed_on,
        course.ended_on,
        course.stopped_on,
        course.taken_on_at,
        course.earlier_count,
        course.earlier_last_on,
        course.earlier_precision,
    ]


def course_in(row: Any) -> Course:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
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
        taken_on_at=row.taken_on_at,
        earlier=_earlier(row),
    )


def _earlier(row: Any) -> EarlierInfusions | None:  # noqa: ANN401 - same
    if row.earlier_count is None:
        return None
    precision = DatePrecision(row.earlier_precision)
    return EarlierInfusions(count=row.earlier_count, last_on=row.earlier_last_on, precision=precision)
