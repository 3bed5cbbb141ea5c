"""When something was or will be: the date and time where it happened, and how long ago in words."""

from datetime import date, datetime
from typing import Final

from app.clinical.check_ins import zone_of
from app.clinical.wording import MONTHS, counted

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Up to so many of a unit are told in it.
_MINUTES_TOLD: Final = 90 * _MINUTE
_HOURS_TOLD: Final = 36 * _HOUR


def moment_in(at: datetime, time_zone: str) -> str:
    """Write a time as "3 November 2026, 19:00", by the clocks of that zone."""
    there = at.astimezone(zone_of(time_zone))
    return f"{day_written(there.date())}, {there:%H:%M}"


def day_written(day: date) -> str:
    """Write a day as "3 November 2026"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def how_long(at: datetime, now: datetime) -> str:
    """Say how long ago, or in how long: "2 hours ago", "in 3 days"."""
    seconds = (now - at).total_seconds()
    span = abs(seconds)
    if span < _MINUTE:
        return "just now"
    if span < _MINUTES_TOLD:
        told = counted(span // _MINUTE, "minute")
    elif span < _HOURS_TOLD:
        told = counted(round(span / _HOUR), "hour")
    else:
        told = counted(round(span / _DAY), "day")
    return f"{told} ago" if seconds > 0 else f"in {told}"
