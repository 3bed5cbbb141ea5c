"""A course as the rule knows it, in whatever statement reads it."""

from typing import Any

from sqlalchemy import ColumnElement

from app.clinical.course import Course, DatePrecision, EarlierInfusions


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
