"""Which days a course and its infusions may have: what cannot be is refused by name, what is unusual is said."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

from app.clinical.course import Course, Infusion, InfusionPhase, infusions_of_course
from app.foundation.errors import RefusalError, RefusalKind

_DAYS: Final = (
    "taken_on_at",
    "induction_ended_on",
    "reviewed_on",
    "benefit_recorded_on",
    "ended_on",
    "stopped_on",
)
_OVER: Final = ("ended_on", "stopped_on")


class CourseDayInFutureError(RefusalError):
    """What is recorded of a course has happened; this day lies in the future."""

    code = "course-day-in-future"


class CourseDayBeforeStartError(RefusalError):
    """This day lies before the course's own first day."""

    code = "course-day-before-start"


class InductionEndsBeforeInfusionError(RefusalError):
    """Induction cannot end before its first infusion."""

    code = "induction-ends-before-infusion"


class CourseEndsBeforeInfusionError(RefusalError):
    """A course cannot be over before its last infusion; a later series is a separate course."""

    code = "course-ends-before-infusion"


class BoosterBeforeInductionError(RefusalError):
    """A booster follows an induction series; there is no induction infusion of this course before it."""

    kind = RefusalKind.CONFLICT
    code = "booster-before-induction"


class InductionOnRecordError(RefusalError):
    """This course was taken on in maintenance and has no induction; a new series is a separate course."""

    kind = RefusalKind.CONFLICT
    code = "induction-on-record"


class NotTakenOnError(RefusalError):
    """The patient was not taken on in maintenance with this course; void it and enter one that says so."""

    kind = RefusalKind.CONFLICT
    code = "not-taken-on"


class CourseClosedError(RefusalError):
    """The course was over before this infusion; enter a new course first, or take its end back."""

    kind = RefusalKind.CONFLICT
    code = "course-closed"


class Remark(StrEnum):
    """What is unusual about an infusion that is kept all the same."""

    REORDERED = "reordered"
    INDUCTION_AFTER_BOOSTER = "induction_after_booster"


REMARKS: Final[Mapping[Remark, str]] = {
    Remark.REORDERED: "A later infusion was entered before; this one was put in its place by its time.",
    Remark.INDUCTION_AFTER_BOOSTER: (
        "An induction infusion after a booster of the course: the reference is taken again after it."
    ),
}


def refuse_impossible(
    course: Course,
    given: Sequence[Infusion],
    changes: Mapping[str, date | int | None],
    *,
    today: date,
    zone: str,
) -> None:
    """Nothing lies in the future or before the course; ends come after what they end."""
    days = {name: day for name in _DAYS if isinstance(day := changes.get(name), date)}
    for name, day in days.items():
        if day > today:
            raise CourseDayInFutureError(f"#/{name}")
        if day < course.started_on:
            raise CourseDayBeforeStartError(f"#/{name}")
        if name in _OVER and given and day < given[-1].day(zone):
            raise CourseEndsBeforeInfusionError(f"#/{name}")
    ended = days.get("induction_ended_on")
    series = [one for one in given if one.phase is InfusionPhase.INDUCTION]
    if ended is not None and (not series or ended < series[0].day(zone)):
        raise InductionEndsBeforeInfusionError("#/induction_ended_on")


def refuse_infusion(
    course: Course | None, earlier: Sequence[Infusion], infusion: Infusion, *, zone: str
) -> None:
    """Refuse a booster before its induction, and what was given after the course was over.

    Raises:
        CourseClosedError: the present course was over by then.
        BoosterBeforeInductionError: its course has no induction infusion before it.
        InductionOnRecordError: its course was taken on in maintenance, and it is an induction infusion.
    """
    day = infusion.day(zone)
    if course and course.closed_on and day > course.closed_on:
        raise CourseClosedError("#/given_at")
    of_this = course if course is not None and day >= course.started_on else None
    taken_on = of_this is not None and of_this.taken_on_at is not None
    if taken_on and infusion.phase is InfusionPhase.INDUCTION:
        raise InductionOnRecordError("#/phase")
    if taken_on or infusion.phase is not InfusionPhase.BOOSTER:
        return
    series = infusions_of_course(of_this, earlier, time_zone=zone)
    if not any(one.phase is InfusionPhase.INDUCTION and one.given_at < infusion.given_at for one in series):
        raise BoosterBeforeInductionError("#/phase")


def remarks_on(
    course: Course | None, earlier: Sequence[Infusion], infusion: Infusion, *, zone: str
) -> tuple[Remark, ...]:
    """Say what is unusual about an infusion beside those that were entered before it."""
    found = []
    if any(one.given_at > infusion.given_at for one in earlier):
        found.append(Remark.REORDERED)
    before = (one for one in earlier if one.given_at < infusion.given_at)
    of_course = infusions_of_course(course, tuple(before), time_zone=zone)
    boosted = any(one.phase is InfusionPhase.BOOSTER for one in of_course)
    if boosted and infusion.phase is InfusionPhase.INDUCTION:
        found.append(Remark.INDUCTION_AFTER_BOOSTER)
    return tuple(found)
