"""A course of treatment: its infusions, its phases, and when induction ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.check_ins import check_in_day
from app.clinical.errors import TimeWithoutZoneError
from app.clinical.protocol import STANDARD, Protocol


class InfusionPhase(StrEnum):
    """What an infusion is for."""

    INDUCTION = "induction"
    BOOSTER = "booster"


class Route(StrEnum):
    """How the dose was given."""

    IV = "iv"
    IM = "im"
    SUBCUTANEOUS = "subcutaneous"
    INTRANASAL = "intranasal"
    SUBLINGUAL = "sublingual"
    ORAL = "oral"
    LOZENGE = "lozenge"


class Phase(StrEnum):
    """Where a course stands."""

    PLANNED = "planned"
    INDUCTION = "induction"
    REVIEW = "review"
    MAINTENANCE = "maintenance"
    ENDED = "ended"
    STOPPED = "stopped"


class InductionEndedBecause(StrEnum):
    """What ended the induction series."""

    PLANNED_COUNT = "planned_count"
    CONFIRMED_BY_STAFF = "confirmed_by_staff"
    NO_FURTHER_INFUSION = "no_further_infusion"
    FIRST_BOOSTER = "first_booster"
    TAKEN_ON = "taken_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolTemplate:
    """A way of giving an induction series; ranges are inclusive. Data to start from, not a rule."""

    code: str
    name: str
    least_infusions: int
    most_infusions: int
    least_days: int
    most_days: int
    source: str


OWN_PROTOCOL: Final = "own"
TEMPLATES: Final = {
    template.code: template
    for template in (
        ProtocolTemplate(
            code="standard",
            name="Standard",
            least_infusions=6,
            most_infusions=6,
            least_days=10,
            most_days=21,
            source="How Many Infusions, Serenity 2025, Reset Ketamine: every other day, 3 a week or 2 a week",
        ),
        ProtocolTemplate(
            code="mild_to_moderate",
            name="Mild to moderate",
            least_infusions=4,
            most_infusions=6,
            least_days=10,
            most_days=14,
            source="How Many Infusions, Serenity 2025",
        ),
        ProtocolTemplate(
            code="severe_or_chronic",
            name="Severe or chronic",
            least_infusions=6,
            most_infusions=8,
            least_days=14,
            most_days=21,
            source="Serenity 2025",
        ),
        ProtocolTemplate(
            code="twice_weekly",
            name="Twice weekly for 4 weeks",
            least_infusions=8,
            most_infusions=8,
            least_days=28,
            most_days=28,
            source="Reset Ketamine (Singh 2016: as effective as 3 a week)",
        ),
        ProtocolTemplate(
            code=OWN_PROTOCOL,
            name="The clinic's own",
            least_infusions=1,
            most_infusions=20,
            least_days=1,
            most_days=1800,
            source="the clinic's own templates",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Infusion:
    """One infusion as it was given.

    Attributes:
        given_at: with an offset.
        dose_mg_per_kg: milligrams per kilogram of body weight.
        time_zone: the zone it was given in, when that is known; else the patient's own counts. Naming it
            keeps its day where it was when the patient moves.
    """

    id: str
    given_at: datetime
    phase: InfusionPhase
    dose_mg_per_kg: float | None = None
    route: Route | None = None
    time_zone: str | None = None

    def __post_init__(self) -> None:
        """Refuse a time that could mean several."""
        if self.given_at.tzinfo is None:
            raise TimeWithoutZoneError(field="given_at")

    def day(self, time_zone: str) -> date:
        """The check-in day it was given on, in its own zone or in the given one."""
        return check_in_day(self.given_at, self.time_zone or time_zone)


class DatePrecision(StrEnum):
    """How well the day of something long past is known."""

    DAY = "day"
    MONTH = "month"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierInfusions:
    """Infusions from before the clinic took the patient on, known only as "about so many, last on …".

    They count for exposure and decide nothing. `last_on` is None when its precision is unknown.
    """

    count: int
    last_on: date | None = None
    precision: DatePrecision = DatePrecision.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course of treatment as the clinic planned it and as staff said it went.

    Attributes:
        protocol: the code of the template it follows.
        planned_infusions: None when nobody planned a number.
        started_on: infusions before this day belong to an earlier course; they count for exposure only.
        induction_ended_on: the day on which staff said that the series is complete.
        reviewed_on: the day of the induction review.
        taken_on_at: the day on which the clinic took the patient on in maintenance. Such a course has no
            induction: its infusions are boosters, and a clinician names the days of its reference.
        earlier: infusions before that, beside those whose times are known.
    """

    id: str
    protocol: str
    planned_infusions: int | None
    started_on: date
    induction_ended_on: date | None = None
    reviewed_on: date | None = None
    ended_on: date | None = None
    stopped_on: date | None = None
    taken_on_at: date | None = None
    earlier: EarlierInfusions | None = None

    @property
    def closed_on(self) -> date | None:
        """The first day on which the course was ended or stopped."""
        return min((day for day in (self.ended_on, self.stopped_on) if day), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class InductionEnd:
    """From which day on induction counts as over, and why."""

    on: date
    because: InductionEndedBecause


def infusions_of_course(
    course: Course | None, infusions: Sequence[Infusion], *, time_zone: str
) -> tuple[Infusion, ...]:
    """The infusions that belong to the course, in the order they were given; all of them without one."""
    given = sorted(infusions, key=lambda infusion: (infusion.given_at.timestamp(), infusion.id))
    return tuple(one for one in given if course is None or one.day(time_zone) >= course.started_on)


def induction_end(
    course: Course | None, given: Sequence[Infusion], *, time_zone: str, protocol: Protocol = STANDARD
) -> InductionEnd | None:
    """The earliest of four: the planned count, staff saying so, the first booster, 14 days of silence.

    A patient who was taken on in maintenance had it elsewhere: it was over when the course began.

    Args:
        course: None when infusions were imported without one.
        given: the course's infusions in order (see `infusions_of_course`).
        time_zone: the patient's.
        protocol: the numbers.

    Returns:
        The day from which it holds, which may lie in the future (it then assumes that nothing further
        is given); None before the first induction infusion. A further induction infusion after the
        series was complete belongs to it: the series then ends with that one.
    """
    series = [one for one in given if one.phase is InfusionPhase.INDUCTION]
    if not series and course and course.taken_on_at:
        return InductionEnd(on=course.started_on, because=InductionEndedBecause.TAKEN_ON)
    if not series:
        return None
    last_day = series[-1].day(time_zone)
    silence = last_day + timedelta(days=protocol.induction_ends_after_days)
    ends = [(silence, InductionEndedBecause.NO_FURTHER_INFUSION)]
    if course and course.planned_infusions is not None and len(series) >= course.planned_infusions:
        ends.append((last_day, InductionEndedBecause.PLANNED_COUNT))
    if course and course.induction_ended_on:
        ends.append((max(course.induction_ended_on, last_day), InductionEndedBecause.CONFIRMED_BY_STAFF))
    boosters = [one for one in given if one.phase is InfusionPhase.BOOSTER]
    if boosters:
        first = max(boosters[0].day(time_zone), last_day)
        ends.append((first, InductionEndedBecause.FIRST_BOOSTER))
    on, because = min(ends, key=lambda end: end[0])
    return InductionEnd(on=on, because=because)


def phase_of(
    course: Course | None,
    infusions: Sequence[Infusion],
    *,
    as_of: datetime,
    time_zone: str,
    protocol: Protocol = STANDARD,
) -> Phase:
    """Where the course stands: planned, induction, review, maintenance, ended or stopped.

    Review lasts from the end of induction until staff record the review, or a booster shows that
    maintenance has begun. Without a course there is nothing to review. Infusions after `as_of` have no
    effect.
    """
    today = check_in_day(as_of, time_zone)
    if course and course.stopped_on and course.stopped_on <= today:
        return Phase.STOPPED
    if course and course.ended_on and course.ended_on <= today:
        return Phase.ENDED
    past = [infusion for infusion in infusions if infusion.given_at <= as_of]
    given = infusions_of_course(course, past, time_zone=time_zone)
    end = induction_end(course, given, time_zone=time_zone, protocol=protocol)
    if end is None:
        return Phase.MAINTENANCE if given else Phase.PLANNED
    if end.on > today:
        return Phase.INDUCTION
    reviewed = (
        course is None
        or course.taken_on_at is not None
        or (course.reviewed_on is not None and course.reviewed_on <= today)
    )
    boosted = any(infusion.phase is InfusionPhase.BOOSTER for infusion in given)
    return Phase.MAINTENANCE if reviewed or boosted else Phase.REVIEW
