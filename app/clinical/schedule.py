"""When a check-in is due, and a questionnaire. The plan belongs to the phase and starts again at each infusion."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.course import Phase
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reasons import Level


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
QUESTIONNAIRE: Final = "phq-9"
"""The scale that patients are asked for: of those that may be shipped, the one that can raise something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often, and since when: `starts_on` is the day of the last infusion or of the course's start."""

    cadence: Cadence
    starts_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a plan rests on.

    Attributes:
        course_started_on: None when nobody entered a course.
        last_infusion_on: None before the first.
        last_check_in_on: the latest check-in day with any check-in.
        last_questionnaire_on: the day of the latest PHQ-9.
    """

    phase: Phase
    level: Level
    course_started_on: date | None
    last_infusion_on: date | None
    last_check_in_on: date | None
    last_questionnaire_on: date | None


def plan_of(situation: Situation, *, today: date, protocol: Protocol = STANDARD) -> Plan | None:
    """The plan on a day: daily through induction and 6 weeks after an infusion, then 3 a week, then weekly.

    Weekly is for those who are steady half a year after their last infusion. On watch or worse it is
    daily again. None when the course is over, or has not been planned.
    """
    starts_on = situation.last_infusion_on or situation.course_started_on
    if situation.phase in _OVER or starts_on is None:
        return None
    days = (today - starts_on).days
    maintained = situation.phase in {Phase.REVIEW, Phase.MAINTENANCE}
    if not maintained or situation.level >= Level.WATCH or days <= protocol.daily_after_infusion_days:
        return Plan(cadence=Cadence.DAILY, starts_on=starts_on)
    if days > protocol.three_a_week_until_days and situation.level == Level.STEADY:
        return Plan(cadence=Cadence.WEEKLY, starts_on=starts_on)
    return Plan(cadence=Cadence.THREE_A_WEEK, starts_on=starts_on)


def is_due(plan: Plan, day: date) -> bool:
    """Whether a check-in is asked for on this check-in day."""
    return (day - plan.starts_on).days % 7 in _DAYS_OF_WEEK[plan.cadence]


def due_days(
    situation: Situation, *, today: date, count: int, protocol: Protocol = STANDARD
) -> tuple[date, ...]:
    """The next days on which a check-in is due, if nothing changes; today's, unless it has been made.

    The plan is that of each day: it thins out by itself as the last infusion recedes.
    """
    return tuple(day for day, _ in zip(_due(situation, today, protocol), range(count), strict=False))


def _due(situation: Situation, today: date, protocol: Protocol) -> Iterator[date]:
    day = today
    while (plan := plan_of(situation, today=day, protocol=protocol)) is not None:
        if is_due(plan, day) and day != situation.last_check_in_on:
            yield day
        day += timedelta(days=1)


def questionnaire_due_on(situation: Situation, *, today: date, protocol: Protocol = STANDARD) -> date | None:
    """The day from which the next PHQ-9 is due; None when the course is over, or has not been planned.

    The first is due when the course starts, so that there is a total from before treatment.
    """
    if plan_of(situation, today=today, protocol=protocol) is None:
        return None
    if situation.last_questionnaire_on is None:
        return situation.course_started_on or situation.last_infusion_on
    days = protocol.questionnaire_every_days
    if situation.phase in {Phase.PLANNED, Phase.INDUCTION}:
        days = protocol.questionnaire_every_days_in_induction
    elif situation.level >= Level.WATCH:
        days = min(days, protocol.questionnaire_every_days_on_watch)
    return situation.last_questionnaire_on + timedelta(days=days)


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
