"""When a check-in is due, and when silence is reported."""

import pytest

from app.clinical.course import Course, Phase, phase_of
from app.clinical.levels import Level
from app.clinical.protocol import RULE_1
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

# what                                    phase              days  level            after a booster  burst  cadence
PLANS = [
    ("induction", Phase.INDUCTION, 2, Level.NO_REFERENCE, False, False, Cadence.DAILY),
    ("15 days after induction", Phase.MAINTENANCE, 15, Level.STEADY, False, False, Cadence.DAILY),
    ("then three a week", Phase.MAINTENANCE, 16, Level.STEADY, False, False, Cadence.THREE_A_WEEK),
    ("7 days after a booster", Phase.MAINTENANCE, 7, Level.STEADY, True, False, Cadence.DAILY),
    ("then three a week again", Phase.MAINTENANCE, 8, Level.STEADY, True, False, Cadence.THREE_A_WEEK),
    ("half a year on and steady", Phase.MAINTENANCE, 183, Level.STEADY, False, False, Cadence.TWO_A_WEEK),
    (
        "half a year on, no reference",
        Phase.MAINTENANCE,
        183,
        Level.NO_REFERENCE,
        False,
        False,
        Cadence.THREE_A_WEEK,
    ),
    ("half a year on, unknown", Phase.MAINTENANCE, 183, Level.UNKNOWN, False, False, Cadence.THREE_A_WEEK),
    ("a low report makes it daily", Phase.MAINTENANCE, 60, Level.STEADY, False, True, Cadence.DAILY),
    ("daily again on watch", Phase.MAINTENANCE, 183, Level.WATCH, False, False, Cadence.DAILY),
    ("and at consider", Phase.REVIEW, 90, Level.CONSIDER_BOOSTER, False, False, Cadence.DAILY),
    ("ended", Phase.ENDED, 5, Level.STEADY, False, False, None),
    ("stopped", Phase.STOPPED, 5, Level.WATCH, False, False, None),
]

# what                              phase              days since infusion   level            cadence (rule 1.0)
PLANS_OF_RULE_1 = [
    ("six weeks after an infusion", Phase.MAINTENANCE, 42, Level.STEADY, Cadence.DAILY),
    ("then three a week", Phase.MAINTENANCE, 43, Level.STEADY, Cadence.THREE_A_WEEK),
    ("half a year on and steady", Phase.MAINTENANCE, 183, Level.STEADY, Cadence.WEEKLY),
    ("half a year on, no reference", Phase.MAINTENANCE, 183, Level.NO_REFERENCE, Cadence.THREE_A_WEEK),
    ("daily again on watch", Phase.MAINTENANCE, 183, Level.WATCH, Cadence.DAILY),
]


def situation(
    phase: Phase,
    *,
    level: Level = Level.STEADY,
    course_started: int | None = -10,
    last_infusion: int | None = 0,
    last_check_in: int | None = None,
    last_form: int | None = None,
    after_booster: bool = False,
    burst: bool = False,
) -> Situation:
    """Days count from the last induction infusion."""
    return Situation(
        phase=phase,
        level=level,
        course_started_on=None if course_started is None else on(course_started),
        last_infusion_on=None if last_infusion is None else on(last_infusion),
        last_check_in_on=None if last_check_in is None else on(last_check_in),
        last_questionnaire_on=None if last_form is None else on(last_form),
        last_is_booster=after_booster,
        burst=burst,
    )


@pytest.mark.parametrize(
    ("phase", "since", "level", "boosted", "burst", "cadence"),
    [row[1:] for row in PLANS],
    ids=[row[0] for row in PLANS],
)
def test_the_plan_belongs_to_the_phase(
    phase: Phase, since: int, level: Level, boosted: bool, burst: bool, cadence: Cadence | None
) -> None:
    plan = plan_of(situation(phase, level=level, after_booster=boosted, burst=burst), today=on(since))
    assert (plan.cadence if plan else None) is cadence
    if plan:
        assert plan.starts_on == on(0), "it restarts at each infusion"


@pytest.mark.parametrize(
    ("phase", "since", "level", "cadence"),
    [row[1:] for row in PLANS_OF_RULE_1],
    ids=[row[0] for row in PLANS_OF_RULE_1],
)
def test_rule_1_asked_by_its_own_plan(phase: Phase, since: int, level: Level, cadence: Cadence) -> None:
    plan = plan_of(situation(phase, level=level), today=on(since), protocol=RULE_1)
    assert plan is not None
    assert plan.cadence is cadence


def test_a_burst_ends_after_21_days_without_an_answer() -> None:
    for silent, cadence in ((21, Cadence.DAILY), (22, Cadence.THREE_A_WEEK)):
        patient = situation(Phase.MAINTENANCE, burst=True, last_check_in=60 - silent)
        plan = plan_of(patient, today=on(60))
        assert plan is not None
        assert plan.cadence is cadence


def test_three_a_week_and_weekly_fall_on_the_same_days_of_each_week() -> None:
    three = Plan(cadence=Cadence.THREE_A_WEEK, starts_on=on(0))
    two = Plan(cadence=Cadence.TWO_A_WEEK, starts_on=on(0))
    weekly = Plan(cadence=Cadence.WEEKLY, starts_on=on(0))
    assert [day for day in range(15) if is_due(two, on(day))] == [0, 3, 7, 10, 14]
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
    ("daily thins out after two weeks", 14, 13, [14, 15, 16, 18]),
    ("three a week", 60, 58, [60, 63, 65, 67]),
    ("three a week thins out after half a year", 180, 179, [182, 185, 189, 192]),
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
