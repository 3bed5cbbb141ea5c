"""Which signals count as seen in time, and which days as watched: the cases beside the story."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from app.care.insights.figures import Period, Share, count_signals
from app.care.insights.outcomes import benefits_begun, check_in_days, stretches, watched_days
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.protocol import STANDARD
from app.clinical.waiting import STANDARD_LIMITS
from app.storage.care_pasts import CarePast, PastCourse
from app.storage.insights import CountedSignal

NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
PERIOD = Period(first=date(2026, 10, 1), end=date(2026, 11, 4))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def signal(
    *,
    hours_ago: int,
    seen_after: int | None = None,
    over_after: int | None = None,
    as_what: str | None = None,
) -> CountedSignal:
    raised_at = NOW - hours_ago * HOUR
    return CountedSignal(
        patient_id=uuid4(),
        level="consider_booster",
        criterion="gain_lost",
        raised_at=raised_at,
        raised_on=raised_at.date(),
        acknowledged_at=None if seen_after is None else raised_at + seen_after * HOUR,
        closed_at=None if over_after is None else raised_at + over_after * HOUR,
        escalated_at=None,
        disposition=as_what,
    )


# what happened (the limit is 24 hours)                                       in time    of
SEEN = [
    (signal(hours_ago=23), 0, 0, "it still has time"),
    (signal(hours_ago=25), 0, 1, "nobody came"),
    (signal(hours_ago=99, seen_after=24), 1, 1, "exactly at the limit is in time"),
    (signal(hours_ago=99, seen_after=25), 0, 1, "too late"),
    (signal(hours_ago=99, over_after=10, as_what="booster_given"), 0, 0, "over before anybody had to"),
    (signal(hours_ago=99, over_after=10, as_what="consent_withdrawn"), 0, 0, "the same"),
    (signal(hours_ago=99, over_after=30, as_what="booster_given"), 0, 1, "over, and had waited too long"),
]


@pytest.mark.parametrize(("one", "in_time", "of", "because"), SEEN)
def test_seen_in_time(one: CountedSignal, in_time: int, of: int, because: str) -> None:
    assert count_signals([one], limits=STANDARD_LIMITS, as_of=NOW).in_time == Share(in_time, of), because


# closed as               real     of
WORTH = [
    ("booster_given", 1, 1),
    ("booster_booked", 1, 1),
    ("other_treatment", 1, 1),
    ("not_a_relapse", 0, 1),
    ("data_problem", 0, 1),
    ("watchful_waiting", 0, 0),
    ("consent_withdrawn", 0, 0),
]


@pytest.mark.parametrize(("as_what", "real", "of"), WORTH)
def test_what_a_disposition_says_of_the_signal(as_what: str, real: int, of: int) -> None:
    one = signal(hours_ago=99, seen_after=1, over_after=2, as_what=as_what)
    found = count_signals([one], limits=STANDARD_LIMITS, as_of=NOW)
    assert found.precision == Share(real, of)
    assert found.dispositions[as_what] == 1


def infusion(day: date, phase: InfusionPhase = InfusionPhase.INDUCTION) -> Infusion:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Infusion(id=str(uuid4()), given_at=at, phase=phase)


def course(started_on: date, *, ended_on: date | None = None) -> PastCourse:
    made = Course(
        id=str(uuid4()), protocol="standard", planned_infusions=1, started_on=started_on, ended_on=ended_on
    )
    return PastCourse(course=made, benefit_recorded_on=None)


def past(
    *courses: PastCourse,
    given: tuple[Infusion, ...],
    withdrawn_at: datetime | None = None,
    registered_at: datetime = NOW - 400 * DAY,
    days: frozenset[date] = frozenset(),
) -> CarePast:
    return CarePast(
        patient_id=uuid4(),
        time_zone="Europe/Berlin",
        registered_at=registered_at,
        consent_withdrawn_at=withdrawn_at,
        courses=courses,
        infusions=given,
        check_in_days=days,
    )


AUGUST, OCTOBER = date(2026, 8, 1), date(2026, 10, 11)
ONE = (infusion(AUGUST),)
TWO = (infusion(AUGUST), infusion(OCTOBER))
# patient                                                             days watched from 1 October to 3 November
WATCHED = [
    (past(course(AUGUST), given=ONE), 34, "all of them"),
    (past(given=ONE), 34, "infusions without a course: over after 14 days, in August"),
    (past(course(AUGUST), given=()), 0, "induction has not begun"),
    (past(course(AUGUST, ended_on=date(2026, 10, 11)), given=ONE), 10, "the day it ended is not watched"),
    (past(course(AUGUST, ended_on=date(2026, 9, 11)), given=ONE), 0, "ended before"),
    (past(course(AUGUST), given=ONE, withdrawn_at=NOW - 3 * DAY), 30, "1 to 30 October"),
    (past(course(AUGUST), given=ONE, registered_at=NOW - 2 * DAY), 3, "1 to 3 November"),
    (past(course(AUGUST), course(OCTOBER), given=TWO), 10 + 24, "both courses, no day twice"),
    (past(course(AUGUST), course(OCTOBER), given=ONE), 10, "the second has not begun induction"),
]


@pytest.mark.parametrize(("one", "days", "because"), WATCHED)
def test_days_watched(one: CarePast, days: int, because: str) -> None:
    parts = stretches(one, period=PERIOD, now=NOW, protocol=STANDARD)
    assert sum(watched_days(part) for part in parts) == days, because


def test_a_patient_without_course_and_infusion_is_asked_for_nothing() -> None:
    one = past(given=(), days=frozenset({date(2026, 10, 5)}))
    (part,) = stretches(one, period=PERIOD, now=NOW, protocol=STANDARD)
    found = check_in_days(one, part, now=NOW, protocol=STANDARD)
    assert (found.due, found.answered, found.beside) == (0, 0, 0)


def test_a_booster_makes_check_ins_daily_again() -> None:
    # From 1 August: day 61 on 1 October. Due before the booster of the 11th are days 63, 65, 67, 70: the 3rd,
    # 5th, 7th and 10th; then every day of the 7 after it, from the 11th to the 18th: 8; then 3 a week, of which
    # days 9, 11, 14, 16, 18 and 21 lie before today, day 23: 6.
    one = past(
        course(AUGUST),
        given=(infusion(AUGUST), infusion(OCTOBER, InfusionPhase.BOOSTER)),
        days=frozenset({date(2026, 10, 4), date(2026, 10, 5), OCTOBER, NOW.date()}),
    )
    (part,) = stretches(one, period=PERIOD, now=NOW, protocol=STANDARD)
    found = check_in_days(one, part, now=NOW, protocol=STANDARD)
    assert (found.due, found.answered, found.beside) == (4 + 8 + 6, 2, 1)


def test_benefits_end_with_their_first_loss_or_where_they_were_last_seen() -> None:
    one = past(course(OCTOBER), given=(infusion(OCTOBER), infusion(OCTOBER + 9 * DAY, InfusionPhase.BOOSTER)))
    (part,) = stretches(one, period=PERIOD, now=NOW, protocol=STANDARD)

    found = benefits_begun(one, part, losses_on=[OCTOBER + 7 * DAY, OCTOBER + 8 * DAY])

    assert [(benefit.days, benefit.lost) for benefit in found] == [(7, True), (14, False)]
