"""When a check-in is due, and a questionnaire. The plan belongs to the phase and starts again at each infusion."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.course import Phase
from app.clinical.fast_enums import quick
from app.clinical.levels import Level
from app.clinical.protocol import STANDARD, Protocol


@quick
class Cadence(StrEnum):
    """How often a patient is asked."""

    DAILY = "daily"
    THREE_A_WEEK = "three_a_week"
    TWO_A_WEEK = "two_a_week"
    WEEKLY = "weekly"


_DAYS_OF_WEEK: Final = {
    Cadence.DAILY: frozenset((0, 1, 2, 3, 4, 5, 6)),
    Cadence.THREE_A_WEEK: frozenset((0, 2, 4)),
    Cadence.TWO_A_WEEK: frozenset((0, 3)),
    Cadence.WEEKLY: frozenset((0,)),
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
        last_is_booster: whether the last infusion was a booster.
        burst: a low report has made check-ins daily, until two in a row are well.
    """

    phase: Phase
    level: Level
    course_started_on: date | None
    last_infusion_on: date | None
    last_check_in_on: date | None
    last_questionnaire_on: date | None
    last_is_booster: bool = False
    burst: bool = False
    taken_on_at: date | None = None


def plan_of(situation: Situation, *, today: date, protocol: Protocol = STANDARD) -> Plan | None:
    """The plan on a day; it belongs to the phase and starts again at each infusion.

    None when the course is over, or has not been planned.
    """
    starts_on = situation.last_infusion_on or situation.course_started_on
    if situation.phase in _OVER or starts_on is None:
        return None
    last = situation.last_check_in_on
    cadence = cadence_on(
        (today - starts_on).days,
        maintained=situation.phase in {Phase.REVIEW, Phase.MAINTENANCE},
        after_booster=situation.last_is_booster,
        bursting=situation.burst or situation.level >= Level.WATCH,
        taken_on_days=(today - situation.taken_on_at).days if situation.taken_on_at else None,
        silent_days=(today - last).days if last else 0,
        steady=situation.level == Level.STEADY,
        protocol=protocol,
    )
    return Plan(cadence=cadence, starts_on=starts_on)


def cadence_on(
    days: int,
    *,
    maintained: bool,
    after_booster: bool,
    bursting: bool,
    taken_on_days: int | None,
    silent_days: int,
    steady: bool,
    protocol: Protocol,
) -> Cadence:
    """How often a patient is asked, so many days after the last infusion.

    Daily through induction, 15 days after its last infusion and 7 after each booster; then 3 a week; from day
    183 on, if steady, 2 a week. Also daily for 15 days after a patient was taken on in maintenance. A low report, or
    watch or worse, makes it daily until two reports in a row are well, and for at most 21 days without an answer:
    then it is the plan of the phase again. (Rule 1.0: daily for 42 days, then 3 a week, weekly when steady; daily on
    watch.)
    """
    first_rule = protocol.generation == 1
    daily_until = protocol.daily_after_booster_days if after_booster else protocol.daily_after_induction_days
    settling = taken_on_days is not None and 0 <= taken_on_days <= protocol.daily_after_induction_days
    if not maintained or days <= daily_until or settling:
        return Cadence.DAILY
    if bursting and (first_rule or silent_days <= protocol.burst_days):
        return Cadence.DAILY
    if days > protocol.three_a_week_until_days and steady:
        return Cadence.WEEKLY if first_rule else Cadence.TWO_A_WEEK
    return Cadence.THREE_A_WEEK


def asks_on(cadence: Cadence, days: int) -> bool:
    """Whether a check-in is asked for so many days after the plan began."""
    return days % 7 in _DAYS_OF_WEEK[cadence]


def is_due(plan: Plan, day: date) -> bool:
    """Whether a check-in is asked for on this check-in day."""
    return asks_on(plan.cadence, (day - plan.starts_on).days)


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
    """No check-in for longer than the plan allows: a separate notice, never read as worsening."""
    allowed = {
        Cadence.DAILY: protocol.overdue_daily_days,
        Cadence.THREE_A_WEEK: protocol.overdue_three_a_week_days,
        Cadence.TWO_A_WEEK: protocol.overdue_weekly_days,
        Cadence.WEEKLY: protocol.overdue_weekly_days,
    }
    return silent_days(plan, today=today, last_check_in_on=last_check_in_on) > allowed[plan.cadence]
