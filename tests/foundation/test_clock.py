"""Clocks: aware, in UTC, and one that can be moved."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.foundation.clock import SystemClock
from tests.support.clock import SettableClock


def test_the_machines_clock_gives_the_time_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=1)


def test_a_settable_clock_stands_still_until_it_is_moved_also_back() -> None:
    berlin = datetime(2026, 11, 3, 18, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    clock = SettableClock(berlin)
    assert clock.now() == clock.now() == berlin
    assert clock.now().tzinfo is UTC
    clock.move_to(berlin - timedelta(days=365))
    assert clock.now() == berlin - timedelta(days=365)
    assert clock.now().tzinfo is UTC
