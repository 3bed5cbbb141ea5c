"""From what was sent about a treatment to what was told, by the rules of the API's requests.

Raises, of each: InvalidRequestError when it cannot be read.
"""

from collections.abc import Mapping
from datetime import date

from app.care.treatment.chosen_reference import ChosenDays
from app.care.treatment.factors import Factors
from app.care.treatment.maintenance import WrittenPlan
from app.care.treatment.schemas import (
    BookedBooster,
    CourseChange,
    CourseEntry,
    FactorsEntry,
    InfusionEntry,
    ReferenceEntry,
    TaperPlanEntry,
)
from app.care.treatment.service import GivenInfusion, PlannedCourse
from app.web.reading import read_as


def read_planned_course(sent: Mapping[str, object]) -> PlannedCourse:
    """Read a course as planned."""
    return read_as(CourseEntry, sent).planned()


def read_course_changes(sent: Mapping[str, object]) -> Mapping[str, date | int | None]:
    """Read what to change of a course; what is not named stays, None takes it back."""
    return read_as(CourseChange, sent).changes()


def read_given_infusion(sent: Mapping[str, object]) -> GivenInfusion:
    """Read an infusion as given."""
    return read_as(InfusionEntry, sent).given()


def read_stated_factors(sent: Mapping[str, object], *, version: int) -> Factors:
    """Read a profile and open cautions, as a change of this version."""
    return read_as(FactorsEntry, sent).factors(version)


def read_booked_day(sent: Mapping[str, object]) -> date:
    """Read the day of the next booster."""
    return read_as(BookedBooster, sent).on


def read_written_plan(sent: Mapping[str, object], *, version: int) -> WrittenPlan:
    """Read a taper plan, as a change of this version."""
    return read_as(TaperPlanEntry, sent).written(version)


def read_chosen_days(sent: Mapping[str, object]) -> ChosenDays:
    """Read the days to take as the reference, and why."""
    return read_as(ReferenceEntry, sent).chosen()
