"""What of an entry cannot be, and what is possible but unlikely: asked about once, and kept when confirmed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.care.patients.plausibility import Unlikely
from app.clinical.check_ins import calendar_day
from app.clinical.course import Course, Infusion, InfusionPhase, Route, infusions_of_course
from app.foundation.errors import RefusalError, RefusalKind

_BOOSTER_BACK: Final = timedelta(days=14)
_INDUCTION_BACK: Final = timedelta(days=365)
_SAME_SESSION: Final = timedelta(hours=12)
# mg/kg above which a dose is unusual. Nobody said how it was given: as strict as into a vein.
_USUALLY_AT_MOST: Final[Mapping[Route | None, float]] = {
    None: 1.5,
    Route.IV: 1.5,
    Route.IM: 2.0,
    Route.SUBCUTANEOUS: 2.0,
}
_ESKETAMINE_MG: Final = (56.0, 84.0)
# Nobody's weight lies outside: one of the two doses is in the other's unit.
_WEIGHTS_KG: Final = (25.0, 300.0)
# So few milligrams are a dose per kilogram; so many per kilogram are milligrams.
_FEWEST_MG: Final = 5.0
_MOST_MG_PER_KG: Final = 5.0


def unlikely_in(
    infusion: Infusion,
    *,
    dose_mg: float | None,
    course: Course | None,
    others: Sequence[Infusion],
    now: datetime,
    zone: str,
) -> list[Unlikely]:
    """Find what is unlikely about an infusion beside the patient's others."""
    found = [*_about_time(infusion, course, now=now, zone=zone)]
    if any(abs(one.given_at - infusion.given_at) < _SAME_SESSION for one in others):
        found.append(Unlikely.POSSIBLE_DUPLICATE)
    return found + _about_dose(infusion, dose_mg)


def _about_time(infusion: Infusion, course: Course | None, *, now: datetime, zone: str) -> list[Unlikely]:
    ago = now - infusion.given_at
    # What was given before the patient was taken on is history: it was long ago.
    if course is not None and course.taken_on_at is not None and infusion.day(zone) <= course.taken_on_at:
        return []
    if infusion.phase is InfusionPhase.BOOSTER:
        return [Unlikely.BOOSTER_LONG_AGO] if ago > _BOOSTER_BACK else []
    found = [Unlikely.INDUCTION_LONG_AGO] if ago > _INDUCTION_BACK else []
    # By the calendar: at one in the morning of the course's first day, the check-in day is still the one before.
    given_on = calendar_day(infusion.given_at, infusion.time_zone or zone)
    if course is not None and given_on < course.started_on:
        found.append(Unlikely.OUTSIDE_COURSE)
    return found


def _about_dose(infusion: Infusion, dose_mg: float | None) -> list[Unlikely]:
    per_kg, route, found = infusion.dose_mg_per_kg, infusion.route, []
    if per_kg is not None and per_kg > _USUALLY_AT_MOST.get(route, float("inf")):
        found.append(Unlikely.HIGH_DOSE)
    # What is given into the nose in milligrams is esketamine, unless someone confirms another dose.
    if route is Route.INTRANASAL and dose_mg is not None and dose_mg not in _ESKETAMINE_MG:
        found.append(Unlikely.ESKETAMINE_DOSE)
    if _mixed_up(per_kg, dose_mg):
        found.append(Unlikely.DOSE_UNIT)
    return found


def _mixed_up(per_kg: float | None, dose_mg: float | None) -> bool:
    if per_kg is not None and dose_mg is not None:
        return not _WEIGHTS_KG[0] <= dose_mg / per_kg <= _WEIGHTS_KG[1]
    return (per_kg is not None and per_kg >= _MOST_MG_PER_KG) or (
        dose_mg is not None and dose_mg < _FEWEST_MG
    )


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
