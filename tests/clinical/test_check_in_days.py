"""To which day a check-in belongs: 04:00 to 04:00 by the clock on the patient's wall."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.check_ins import CheckIn, check_in_day, check_in_day_at, days_of
from app.clinical.domains import PerDomain
from app.clinical.errors import ReportOutOfRangeError, TimeWithoutZoneError, UnknownTimeZoneError

# what                                         recorded at                    zone                   day
DAYS = [
    ("01:37 belongs to the day just lived", "2026-05-03T01:37:00+02:00", "Europe/Berlin", "2026-05-02"),
    ("03:59:59 still does", "2026-05-03T03:59:59+02:00", "Europe/Berlin", "2026-05-02"),
    ("and its last microsecond", "2026-05-03T03:59:59.999999+02:00", "Europe/Berlin", "2026-05-02"),
    ("04:00 begins the day", "2026-05-03T04:00:00+02:00", "Europe/Berlin", "2026-05-03"),
    ("clocks go forward: 03:59 after the gap", "2026-03-29T01:59:00+00:00", "Europe/Berlin", "2026-03-28"),
    ("clocks go forward: 04:00 is 3 h later", "2026-03-29T02:00:00+00:00", "Europe/Berlin", "2026-03-29"),
    ("clocks go back: 02:30 the first time", "2026-10-25T00:30:00+00:00", "Europe/Berlin", "2026-10-24"),
    ("clocks go back: 02:30 the second time", "2026-10-25T01:30:00+00:00", "Europe/Berlin", "2026-10-24"),
    ("clocks go back: 04:00", "2026-10-25T03:00:00+00:00", "Europe/Berlin", "2026-10-25"),
    ("a half-hour zone, before", "2026-05-02T22:29:00+00:00", "Asia/Kolkata", "2026-05-02"),
    ("a half-hour zone, after", "2026-05-02T22:30:00+00:00", "Asia/Kolkata", "2026-05-03"),
    ("a zone of 45 minutes", "2026-05-02T22:15:00+00:00", "Asia/Kathmandu", "2026-05-03"),
    ("a half-hour clock change", "2026-10-03T16:59:00+00:00", "Australia/Lord_Howe", "2026-10-03"),
    ("a fixed offset", "2026-05-03T01:30:00+00:00", "+02:00", "2026-05-02"),
    ("a fixed offset, reached", "2026-05-03T02:00:00+00:00", "+02:00", "2026-05-03"),
    ("a western offset", "2026-05-03T08:30:00+00:00", "-04:30", "2026-05-03"),
]


@pytest.mark.parametrize(
    ("recorded_at", "zone", "day"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS]
)
def test_a_check_in_belongs_to_the_day_on_the_wall(recorded_at: str, zone: str, day: str) -> None:
    moment = datetime.fromisoformat(recorded_at)
    assert check_in_day(moment, zone) == date.fromisoformat(day)
    assert check_in_day_at(moment.timestamp(), zone) == date.fromisoformat(day)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "+25:00", "2", "../etc/passwd", "Europe"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(UnknownTimeZoneError, match="neither an IANA time zone nor an offset"):
        check_in_day(datetime(2026, 5, 3, tzinfo=UTC), zone)


@given(
    st.integers(0, 10 * 365 * 24 * 60),
    st.sampled_from(["Europe/Berlin", "Asia/Tehran", "Australia/Lord_Howe"]),
)
def test_time_never_runs_backwards_in_check_in_days(minutes: int, zone: str) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert check_in_day(now, zone) <= check_in_day(now + timedelta(minutes=20), zone)


def test_a_travellers_past_days_do_not_move() -> None:
    berlin = CheckIn(
        id="a", recorded_at=datetime(2026, 5, 3, 20, tzinfo=UTC), time_zone="Europe/Berlin", mood=5
    )
    tokyo = CheckIn(id="b", recorded_at=datetime(2026, 5, 3, 21, tzinfo=UTC), time_zone="Asia/Tokyo", mood=7)
    assert [one.day for one in days_of([tokyo, berlin])] == [date(2026, 5, 3), date(2026, 5, 4)]


def test_several_check_ins_on_one_day_are_one_day_and_a_skipped_answer_is_no_zero() -> None:
    morning = CheckIn(
        id="a", recorded_at=datetime(2026, 5, 3, 8, tzinfo=UTC), time_zone="UTC", mood=4, energy=2
    )
    evening = CheckIn(id="b", recorded_at=datetime(2026, 5, 3, 20, tzinfo=UTC), time_zone="UTC", mood=7)
    (day,) = days_of([evening, morning])
    assert day.values == PerDomain(5.5, 2, None)


def test_a_day_without_an_answered_domain_is_no_check_in_day() -> None:
    asked = CheckIn(
        id="a",
        recorded_at=datetime(2026, 5, 3, 8, tzinfo=UTC),
        time_zone="UTC",
        sleep_hours=7.25,
        asks_about_booster=True,
    )
    assert days_of([asked]) == ()


@pytest.mark.parametrize(
    "wrong", [{"mood": -1}, {"energy": 10.5}, {"sleep_quality": float("nan")}, {"sleep_hours": 24.25}]
)
def test_a_report_outside_its_range_is_refused_without_its_value(wrong: dict[str, float]) -> None:
    with pytest.raises(ReportOutOfRangeError) as refused:
        CheckIn(id="a", recorded_at=datetime(2026, 5, 3, tzinfo=UTC), time_zone="UTC", **wrong)  # type: ignore[arg-type]  # by name
    assert str(next(iter(wrong.values()))) not in str(refused.value)


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(TimeWithoutZoneError, match="must say its offset"):
        CheckIn(id="a", recorded_at=datetime(2026, 5, 3), time_zone="UTC", mood=5)  # noqa: DTZ001  # the point
