"""When a check-in is due, and when silence is told."""

import pytest

from app.clinical.course import Course, Phase, phase_of
from app.clinical.grounds import Level
from app.clinical.schedule import Cadence, Plan, is_due, is_overdue, next_due, plan_of
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


@pytest.mark.parametrize(
    ("phase", "since", "level", "cadence"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_the_plan_belongs_to_the_phase(
    phase: Phase, since: int, level: Level, cadence: Cadence | None
) -> None:
    plan = plan_of(phase, last_infusion_on=on(0), course_started_on=on(-10), today=on(since), level=level)
    assert (plan.cadence if plan else None) is cadence
    if plan:
        assert plan.starts_on == on(0), "it restarts at each infusion"


def test_three_a_week_and_weekly_fall_on_the_same_days_of_each_week() -> None:
    three = Plan(cadence=Cadence.THREE_A_WEEK, starts_on=on(0))
    weekly = Plan(cadence=Cadence.WEEKLY, starts_on=on(0))
    assert [day for day in range(15) if is_due(three, on(day))] == [0, 2, 4, 7, 9, 11, 14]
    assert [day for day in range(15) if is_due(weekly, on(day))] == [0, 7, 14]
    assert next_due(three, today=on(4), last_check_in_on=on(4)) == on(7)
    assert next_due(three, today=on(4), last_check_in_on=on(2)) == on(4)


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
]


@pytest.mark.parametrize(
    ("course", "given", "as_of", "phase"), [row[1:] for row in PHASES], ids=[row[0] for row in PHASES]
)
def test_where_a_course_stands(course: Course, given: tuple, as_of: int, phase: Phase) -> None:  # type: ignore[type-arg]  # of Infusion
    assert phase_of(course, given, as_of=at(as_of, 23), time_zone=ZONE) is phase
