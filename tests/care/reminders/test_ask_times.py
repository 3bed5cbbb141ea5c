"""When a patient is asked by the clock on the wall, where clocks change and where they do not."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.care.patients.reminder_choices import AskTimes
from app.clinical.check_ins import check_in_day

USUAL = AskTimes(ask_at=time(18), quiet_from=time(21), quiet_until=time(8), paused_until=None)
NO_QUIET = replace(USUAL, quiet_from=time(0), quiet_until=time(0))
ANY_TIME = st.integers(0, 3 * 365 * 1440).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
ZONES = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("ask_at", "zone", "day", "moment"),
    [
        (time(18), "Europe/Berlin", date(2027, 1, 4), "2027-01-04T18:00+01:00"),
        (time(18), "Asia/Kathmandu", date(2027, 1, 4), "2027-01-04T18:00+05:45"),
        # Before four in the morning it is still the day before.
        (time(3, 59), "Europe/Berlin", date(2027, 1, 4), "2027-01-05T03:59+01:00"),
        (time(4), "Europe/Berlin", date(2027, 1, 4), "2027-01-04T04:00+01:00"),
        # 02:30 that the clocks skip is an hour later; one that comes twice is the first.
        (time(2, 30), "Europe/Berlin", date(2027, 3, 27), "2027-03-28T03:30+02:00"),
        (time(2, 30), "Europe/Berlin", date(2027, 10, 30), "2027-10-31T02:30+02:00"),
        # Lord Howe's clocks move by half an hour.
        (time(2, 15), "Australia/Lord_Howe", date(2027, 10, 2), "2027-10-03T02:45+11:00"),
    ],
)
def test_a_days_reminder_is_due_at_the_chosen_time_of_that_day(
    ask_at: time, zone: str, day: date, moment: str
) -> None:
    assert replace(NO_QUIET, ask_at=ask_at).moment(day, zone) == at(moment)


@given(
    ask_at=st.times(),
    zone=st.sampled_from(ZONES),
    after=ANY_TIME,
)
def test_there_is_one_moment_for_each_check_in_day_and_the_next_is_the_first_after(
    ask_at: time, zone: str, after: datetime
) -> None:
    times = replace(NO_QUIET, ask_at=ask_at.replace(tzinfo=None))
    following = times.next_moment(zone, after=after)
    assert after < following <= after + timedelta(hours=26)
    second = times.next_moment(zone, after=following)
    assert check_in_day(second, zone) - check_in_day(following, zone) == timedelta(days=1)
    assert times.moment(check_in_day(following, zone), zone) == following


@pytest.mark.parametrize(
    ("quiet", "at_time", "is_quiet"),
    [
        ((time(21), time(8)), time(20, 59), False),
        ((time(21), time(8)), time(21), True),
        ((time(21), time(8)), time(0), True),
        ((time(21), time(8)), time(8), False),
        ((time(9), time(17)), time(12), True),
        ((time(9), time(17)), time(17), False),
        ((time(5), time(5)), time(5), False),
    ],
)
def test_quiet_hours_begin_and_end_by_the_clock(
    quiet: tuple[time, time], at_time: time, is_quiet: bool
) -> None:
    assert replace(USUAL, quiet_from=quiet[0], quiet_until=quiet[1]).is_quiet(at_time) is is_quiet


@given(
    zone=st.sampled_from(ZONES),
    now=ANY_TIME,
)
def test_what_may_be_sent_now_helps_until_quiet_begins_or_the_day_ends(zone: str, now: datetime) -> None:
    until = USUAL.helps_until(now, zone)
    assert now < until <= now + timedelta(hours=25)
    wall = until.astimezone(ZoneInfo(zone)).time()
    assert wall in {time(21), time(4)}
    if USUAL.may_ask(now, zone):
        before_it_ends = until - timedelta(seconds=1)
        assert USUAL.may_ask(before_it_ends, zone)
        assert check_in_day(before_it_ends, zone) == check_in_day(now, zone)


@pytest.mark.parametrize(
    ("now", "asks"),
    [
        ("2027-01-04T17:59+01:00", False),
        ("2027-01-04T18:00+01:00", True),
        ("2027-01-04T20:59+01:00", True),
        ("2027-01-04T21:00+01:00", False),
        ("2027-01-05T01:00+01:00", False),
        ("2027-01-05T09:00+01:00", False),
    ],
)
def test_between_the_chosen_time_and_the_quiet_hours_may_be_asked(now: str, asks: bool) -> None:
    assert USUAL.may_ask(at(now), "Europe/Berlin") is asks


def test_in_a_pause_nothing_is_asked_until_its_day_comes() -> None:
    paused = replace(USUAL, paused_until=date(2027, 1, 5))
    assert not paused.may_ask(at("2027-01-04T18:00+01:00"), "Europe/Berlin")
    assert paused.may_ask(at("2027-01-05T18:00+01:00"), "Europe/Berlin")
