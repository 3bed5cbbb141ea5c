"""When a check-in is due. The plan belongs to the phase and starts again at each infusion."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.course import Phase
from app.clinical.grounds import Level
from app.clinical.protocol import STANDARD, Protocol


class Cadence(StrEnum):
    """How often a patient is asked."""

    DAILY = "daily"
    THREE_A_WEEK = "three_a_week"
    WEEKLY = "weekly"


_DAYS_OF_WEEK: Final = {
    Cadence.DAILY: (0, 1, 2, 3, 4, 5, 6),
    Cadence.THREE_A_WEEK: (0, 2, 4),
    Cadence.WEEKLY: (0,),
}
"""Days of each week of the plan, counted from its start."""
_OVER: Final = (Phase.ENDED, Phase.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often, and since when: `starts_on` is the day of the last infusion or of the course's start."""

    cadence: Cadence
    starts_on: date


def plan_of(
    phase: Phase,
    *,
    last_infusion_on: date | None,
    course_started_on: date,
    today: date,
    level: Level,
    protocol: Protocol = STANDARD,
) -> Plan | None:
    """The plan on a day: daily through induction and 6 weeks after an infusion, then 3 a week, then weekly.

    Weekly is for those who are steady half a year after their last infusion. On watch or worse it is
    daily again. None when the course is over.
    """
    if phase in _OVER:
        return None
    starts_on = last_infusion_on or course_started_on
    days = (today - starts_on).days
    maintained = phase in {Phase.REVIEW, Phase.MAINTENANCE}
    if not maintained or level >= Level.WATCH or days <= protocol.daily_after_infusion_days:
        return Plan(cadence=Cadence.DAILY, starts_on=starts_on)
    if days > protocol.three_a_week_until_days and level == Level.STEADY:
        return Plan(cadence=Cadence.WEEKLY, starts_on=starts_on)
    return Plan(cadence=Cadence.THREE_A_WEEK, starts_on=starts_on)


def is_due(plan: Plan, day: date) -> bool:
    """Whether a check-in is asked for on this check-in day."""
    return (day - plan.starts_on).days % 7 in _DAYS_OF_WEEK[plan.cadence]


def next_due(plan: Plan, *, today: date, last_check_in_on: date | None) -> date:
    """The next check-in day on which one is due: today, unless today's has been made."""
    day = today
    while not is_due(plan, day) or day == last_check_in_on:
        day += timedelta(days=1)
    return day


def silent_days(plan: Plan, *, today: date, last_check_in_on: date | None) -> int:
    """Days without a check-in, since the last one or since the plan began."""
    return max(0, (today - (last_check_in_on or plan.starts_on)).days)


def is_overdue(
    plan: Plan, *, today: date, last_check_in_on: date | None, protocol: Protocol = STANDARD
) -> bool:
    """No check-in for longer than the plan allows: a notice of its own, never read as worsening."""
    allowed = {
        Cadence.DAILY: protocol.overdue_daily_days,
        Cadence.THREE_A_WEEK: protocol.overdue_three_a_week_days,
        Cadence.WEEKLY: protocol.overdue_weekly_days,
    }
    return silent_days(plan, today=today, last_check_in_on=last_check_in_on) > allowed[plan.cadence]
