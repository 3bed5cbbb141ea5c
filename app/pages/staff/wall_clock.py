"""How a page writes times: by the clock on the patient's wall, with the date, and how long ago in words."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from app.clinical.check_ins import calendar_day, check_in_day, zone_of
from app.clinical.english_formats import MONTHS, counted

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Up to so many of a unit are written in it. Written here, because Babel writes weeks and months, which is too
# coarse for what a clinic counts in days.
_IN_MINUTES: Final = 90 * _MINUTE
_IN_HOURS: Final = 36 * _HOUR
_NOON: Final = 12


# People and clinics have no zone here, patients do.
UTC_ZONE: Final = "UTC"


def moment_in(at: datetime, time_zone: str) -> str:
    """Write a time as "Nov 3, 2026, 7:00 PM", by the clocks of that zone; that it is UTC is said."""
    there = at.astimezone(zone_of(time_zone))
    return (
        f"{day_written(there.date())}, {clock_written(there.time())}{' UTC' if time_zone == UTC_ZONE else ''}"
    )


def moment_and_ago(at: datetime, now: datetime, time_zone: str = UTC_ZONE) -> str:
    """Write a time and how long ago it was: "Nov 3, 2026, 7:00 PM (2 hours ago)"."""
    return f"{moment_in(at, time_zone)} ({how_long(at, now)})"


def clock_written(at: time) -> str:
    """Write a time of day as "7:00 PM"."""
    return f"{at.hour % 12 or 12}:{at:%M} {'AM' if at.hour < _NOON else 'PM'}"


def day_written(day: date) -> str:
    """Write a day as "Nov 3, 2026"."""
    return f"{MONTHS[day.month - 1][:3]} {day.day}, {day.year}"


def how_long(at: datetime, now: datetime) -> str:
    """Say how long ago, or in how long: "2 hours ago", "in 3 days"."""
    seconds = (now - at).total_seconds()
    span = abs(seconds)
    if span < _MINUTE:
        return "just now"
    if span < _IN_MINUTES:
        span_said = counted(span // _MINUTE, "minute")
    elif span < _IN_HOURS:
        span_said = counted(round(span / _HOUR), "hour")
    else:
        span_said = counted(round(span / _DAY), "day")
    return f"{span_said} ago" if seconds > 0 else f"in {span_said}"


@dataclass(frozen=True, slots=True)
class WallClock:
    """A zone's clock at one moment."""

    time_zone: str
    now: datetime

    @property
    def today(self) -> date:
        """The check-in day of now."""
        return check_in_day(self.now, self.time_zone)

    @property
    def wall_date(self) -> date:
        """The date on the wall, as forms are filled in with it."""
        return calendar_day(self.now, self.time_zone)

    def moment(self, at: datetime) -> str:
        """Write "Nov 3, 2026, 7:00 PM (2 hours ago)"."""
        return moment_and_ago(at, self.now, self.time_zone)

    def plain(self, at: datetime) -> str:
        """Write "Nov 3, 2026, 7:00 PM"."""
        return moment_in(at, self.time_zone)

    def time(self, at: datetime) -> str:
        """Write "19:00", as a form's field takes it."""
        return f"{at.astimezone(zone_of(self.time_zone)):%H:%M}"

    def time_written(self, at: datetime) -> str:
        """Write "7:00 PM"."""
        return clock_written(at.astimezone(zone_of(self.time_zone)).time())

    def day(self, day: date) -> str:
        """Write "Nov 3, 2026"."""
        return day_written(day)

    def day_ago(self, day: date) -> str:
        """Write "Nov 3, 2026 (today)", or how many days ago or ahead."""
        days = (self.today - day).days
        near = {0: "today", 1: "yesterday", -1: "tomorrow"}
        distance = near.get(days) or (
            f"{counted(days, 'day')} ago" if days > 0 else f"in {counted(-days, 'day')}"
        )
        return f"{self.day(day)} ({distance})"
