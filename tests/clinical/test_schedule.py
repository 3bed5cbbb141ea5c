"""When a check-in is due, and when silence is told."""

import pytest

from app.clinical.course import Course, Phase, phase_of
from app.clinical.reasons import Level
from app.clinical.schedule import (
    Cadence,
    Plan,
    Situation,
    due_days,
    is_due,
    is_overdue,
    plan_of,
    questionnaire_due_on,
)
from tests.clinical.builders import COURSE, ZONE, at, booster, induction, on

# what                              phase              days since infusion   level            cadence
PLANS = [
    ("induction", Phase.INDUCTION, 2, Level.NO_REFERENCE, Cadence.DAILY),
    ("six weeks after an infusion", Phase.MAINTENANCE, 42, Level.STEADY, Cadence.DAILY),
    ("then three a week", Phase.MAINTENANCE, 43, Level.STEADY, Cadence.THREE_A_WEEK),
    ("half a year on and steady", Phase.MAINTENANCE, 183, Level.STEADY, Cadence.WEEKLY),
    ("half a year on, no reference", Phase.MAINTENANCE, 183, Level.NO_REFERENCE, Cadence.THREE_A_WEEK),
    ("daily again on watch", Phase.MAINTENANCE, 183, Level.WATCH, Cadence.DAILY),
    ("and at consider", Phase.REVIEW, 90, Level.CONSIDER_BOOSTER, Cadence.DAILY),
    ("ended", Phase.ENDED, 5, Level.STEADY, None),
    ("stopped", Phase.STOPPED, 5, Level.WATCH, None),
]


def situation(
    phase: Phase,
    *,
    level: Level = Level.STEADY,
    course_started: int | None = -10,
    last_infusion: int | None = 0,
    last_check_in: int | None = None,
    last_form: int | None = None,
) -> Situation:
    """Days count from the last induction infusion."""
    return Situation(
        phase=phase,
        level=level,
        course_started_on=None if course_started is None else on(course_started),
        last_infusion_on=None if last_infusion is None else on(last_infusion),
        last_check_in_on=None if last_check_in is None else on(last_check_in),
        last_questionnaire_on=None if last_form is None else on(last_form),
    )


@pytest.mark.parametrize(
    ("phase", "since", "level", "cadence"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_the_plan_belongs_to_the_phase(
    phase: Phase, since: int, level: Level, cadence: Cadence | None
) -> None:
    plan = plan_of(situation(phase, level=level), today=on(since))
    assert (plan.cadence if plan else None) is cadence
    if plan:
        assert plan.starts_on == on(0), "it restarts at each infusion"


def test_three_a_week_and_weekly_fall_on_the_same_days_of_each_week() -> None:
    three = Plan(cadence=Cadence.THREE_A_WEEK, starts_on=on(0))
    weekly = Plan(cadence=Cadence.WEEKLY, starts_on=on(0))
    assert [day for day in range(15) if is_due(three, on(day))] == [0, 2, 4, 7, 9, 11, 14]
    assert [day for day in range(15) if is_due(weekly, on(day))] == [0, 7, 14]


def test_a_patient_without_course_and_infusion_has_no_plan() -> None:
    nobody = situation(Phase.PLANNED, last_infusion=None, course_started=None)
    assert plan_of(nobody, today=on(0)) is None
    assert due_days(nobody, today=on(0), count=14) == ()
    assert questionnaire_due_on(nobody, today=on(0)) is None


# what                            today   last check-in   due
DUE = [
    ("daily, not yet today", 5, 4, [5, 6, 7, 8]),
    ("daily, today is made", 5, 5, [6, 7, 8, 9]),
    ("never made one", 5, None, [5, 6, 7, 8]),
    ("daily thins out after six weeks", 41, 40, [41, 42, 44, 46]),
    ("three a week", 60, 58, [60, 63, 65, 67]),
    ("three a week thins out after half a year", 180, 179, [182, 189, 196, 203]),
]


@pytest.mark.parametrize(("today", "last", "days"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_the_next_days_follow_the_plan_of_each_day(today: int, last: int | None, days: list[int]) -> None:
    patient = situation(Phase.MAINTENANCE, last_check_in=last)
    assert due_days(patient, today=on(today), count=4) == tuple(on(day) for day in days)


# what                         phase              level                    last PHQ-9   due
FORMS = [
    ("before treatment", Phase.PLANNED, Level.NO_REFERENCE, None, -10),
    ("weekly in induction", Phase.INDUCTION, Level.NO_REFERENCE, -8, -1),
    ("every two weeks later", Phase.MAINTENANCE, Level.STEADY, 20, 34),
    ("never answered", Phase.MAINTENANCE, Level.STEADY, None, -10),
    ("sooner on watch", Phase.MAINTENANCE, Level.WATCH, 20, 30),
    ("and at consider", Phase.MAINTENANCE, Level.CONSIDER_BOOSTER, 20, 30),
    ("ended", Phase.ENDED, Level.STEADY, 20, None),
]


@pytest.mark.parametrize(
    ("phase", "level", "last", "due"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS]
)
def test_a_questionnaire_is_due_by_phase_and_level(
    phase: Phase, level: Level, last: int | None, due: int | None
) -> None:
    patient = situation(phase, level=level, last_form=last)
    assert questionnaire_due_on(patient, today=on(25)) == (None if due is None else on(due))


def test_silence_longer_than_the_plan_allows_is_overdue() -> None:
    daily = Plan(cadence=Cadence.DAILY, starts_on=on(0))
    assert not is_overdue(daily, today=on(3), last_check_in_on=on(0))
    assert is_overdue(daily, today=on(4), last_check_in_on=on(0))
    assert is_overdue(daily, today=on(4), last_check_in_on=None)


# what                           course                                       infusions                 as of  phase
PHASES = [
    ("nothing given", COURSE, (), 0, Phase.PLANNED),
    ("three of six", COURSE, induction((-4, -2, 0)), 1, Phase.INDUCTION),
    ("all six", COURSE, induction(), 0, Phase.REVIEW),
    ("then a booster", COURSE, (*induction(), booster(20)), 21, Phase.MAINTENANCE),
    ("a booster in the future has no effect", COURSE, (*induction(), booster(20)), 19, Phase.REVIEW),
    ("no course, nothing given", None, (), 0, Phase.PLANNED),
    ("no course, two weeks without an infusion", None, induction(), 14, Phase.MAINTENANCE),
    ("no course, an infusion yesterday", None, induction(), 1, Phase.INDUCTION),
]


@pytest.mark.parametrize(
    ("course", "given", "as_of", "phase"), [row[1:] for row in PHASES], ids=[row[0] for row in PHASES]
)
def test_where_a_course_stands(course: Course | None, given: tuple, as_of: int, phase: Phase) -> None:  # type: ignore[type-arg]  # of Infusion
    assert phase_of(course, given, as_of=at(as_of, 23), time_zone=ZONE) is phase
