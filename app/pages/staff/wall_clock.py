"""How a page writes times: by the clinic's clock, the patient's beside it where it differs, and how long ago."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final

from babel.dates import format_skeleton, format_time

from app.clinical.check_ins import calendar_day, check_in_day, zone_of
from app.clinical.english_formats import MONTHS, percent
from app.foundation.translations import Words, joined, say, written

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Up to so many of a unit are written in it. Written here, because Babel writes weeks and months, which is too
# coarse for what a clinic counts in days.
_IN_MINUTES: Final = 90 * _MINUTE
_IN_HOURS: Final = 36 * _HOUR
_NOON: Final = 12


# People and clinics have no zone here, patients do.
UTC_ZONE: Final = "UTC"


def zone_of_clinic(chosen: str, time_zone: str) -> str:
    """Give whose clock a clinic's people read about a patient: the patient's while the clinic has chosen none."""
    return time_zone if chosen == UTC_ZONE else chosen


def moment_in(at: datetime, time_zone: str) -> Words:
    """Write a time as "Nov 3, 2026, 7:00 PM", by the clocks of that zone; that it is UTC is said."""
    there = at.astimezone(zone_of(time_zone))
    day, clock = day_written(there.date()), clock_written(there.time())
    return say("{day}, {clock} UTC", day=day, clock=clock) if time_zone == UTC_ZONE else joined((day, clock))


def moment_and_ago(at: datetime, now: datetime, time_zone: str = UTC_ZONE) -> Words:
    """Write a time and how long ago it was: "Nov 3, 7:00 PM (2 hours ago)", with the year unless it is this one."""
    there, here = (one.astimezone(zone_of(time_zone)) for one in (at, now))
    moment = moment_in(at, time_zone)
    if there.year == here.year:
        day, clock = short_day(there.date()), clock_written(there.time())
        moment = (
            say("{day}, {clock} UTC", day=day, clock=clock) if time_zone == UTC_ZONE else joined((day, clock))
        )
    return say("{moment} ({ago})", moment=moment, ago=how_long(at, now))


def clock_written(at: time) -> Words:
    """Write a time of day as "7:00 PM"."""
    english = f"{at.hour % 12 or 12}:{at:%M} {'AM' if at.hour < _NOON else 'PM'}"
    return written(english, lambda language: format_time(at, "short", locale=language))


def moment_to_the_second(at: datetime) -> Words:
    """Write a time by UTC as "Nov 3, 2026, 7:00:09 PM", for a log that shows no zone with each."""
    there = at.astimezone(UTC)
    english = f"{there.hour % 12 or 12}:{there:%M:%S %p}"
    clock = written(english, lambda language: format_time(there.time(), "medium", locale=language))
    return joined((day_written(there.date()), clock))


def day_written(day: date) -> Words:
    """Write a day as "Nov 3, 2026"."""
    english = f"{MONTHS[day.month - 1][:3]} {day.day}, {day.year}"
    return written(english, lambda language: format_skeleton("yMMMd", day, locale=language))


@lru_cache(maxsize=1024)
def short_day(day: date) -> Words:
    """Write a day as "Nov 29"."""
    english = f"{MONTHS[day.month - 1][:3]} {day.day}"
    return written(english, lambda language: format_skeleton("MMMd", day, locale=language))


def percent_written(share: float) -> Words:
    """Write a share as one figure from 0 to 100."""
    return _percent(f"{round(max(0.0, min(1.0, share)) * 100)}%")


def share_written(share: float) -> Words:
    """Write a share as whole percent, below 0 and above 100 too."""
    return _percent(percent(share))


@lru_cache(maxsize=512)
def _percent(english: str) -> Words:
    return written(english, lambda _: english.replace("%", "\N{NO-BREAK SPACE}%"))


_COUNTED: Final[Mapping[str, tuple[Words, Words]]] = {
    "minute": (say("{number:g} minute"), say("{number:g} minutes")),
    "hour": (say("{number:g} hour"), say("{number:g} hours")),
    "day": (say("{number:g} day"), say("{number:g} days")),
    "month": (say("{number:g} month"), say("{number:g} months")),
    "check-in day": (say("{number:g} check-in day"), say("{number:g} check-in days")),
    "patient": (say("{number:g} patient"), say("{number:g} patients")),
    "patient-day": (say("{number:g} patient-day"), say("{number:g} patient-days")),
    "patient-year": (say("{number:g} patient-year"), say("{number:g} patient-years")),
    "signal": (say("{number:g} signal"), say("{number:g} signals")),
    "safety event": (say("{number:g} safety event"), say("{number:g} safety events")),
    "attempt": (say("{number:g} attempt"), say("{number:g} attempts")),
    "induction": (say("{number:g} induction"), say("{number:g} inductions")),
    "benefit": (say("{number:g} benefit"), say("{number:g} benefits")),
}


def counted(number: float, noun: str) -> Words:
    """Write a count with its noun: "1 day", "3 days", "24.5 days"."""
    one, many = _COUNTED[noun]
    return Words((one if number == 1 else many).message, number=number)


def how_long(at: datetime, now: datetime) -> Words:
    """Say how long ago, or in how long: "2 hours ago", "in 3 days"."""
    seconds = (now - at).total_seconds()
    span = abs(seconds)
    if span < _MINUTE:
        return say("just now") if seconds >= 0 else say("now")
    if span < _IN_MINUTES:
        span_said = counted(span // _MINUTE, "minute")
    elif span < _IN_HOURS:
        span_said = counted(round(span / _HOUR), "hour")
    else:
        span_said = counted(round(span / _DAY), "day")
    return (
        say("{span_said} ago", span_said=span_said)
        if seconds > 0
        else say("in {span_said}", span_said=span_said)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """A patient's clock at one moment, and the clinic's.

    Attributes:
        time_zone: where the patient is: days and what forms ask for go by it.
        clinic_zone: whose clock the clinic's people read, as `zone_of_clinic` gives it: times are written by it.
    """

    time_zone: str
    clinic_zone: str
    now: datetime

    @property
    def differs(self) -> bool:
        """Whether the two show different times now."""
        return self._shown_there(self.now) != ""

    @property
    def today(self) -> date:
        """The check-in day of now."""
        return check_in_day(self.now, self.time_zone)

    @property
    def wall_date(self) -> date:
        """The date on the wall, as forms are filled in with it."""
        return calendar_day(self.now, self.time_zone)

    def moment(self, at: datetime) -> Words:
        """Write "Nov 3, 2026, 7:00 PM (2 hours ago)", or "… (2 hours ago; 1:00 PM for the patient)"."""
        there, ago = self._shown_there(at), how_long(at, self.now)
        beside = joined((ago, there), "; ") if there else ago
        return say("{moment} ({ago})", moment=moment_in(at, self.clinic_zone), ago=beside)

    def plain(self, at: datetime) -> Words:
        """Write "Nov 3, 2026, 7:00 PM", or "Nov 3, 2026, 7:00 PM (1:00 PM for the patient)"."""
        return self._beside(moment_in(at, self.clinic_zone), at)

    def short(self, at: datetime) -> Words:
        """Write "Nov 3, 7:00 PM", with the year where it is not this one; the patient's clock beside it."""
        here = at.astimezone(zone_of(self.clinic_zone))
        if here.year != self.now.astimezone(zone_of(self.clinic_zone)).year:
            return self.plain(at)
        return self._beside(joined((short_day(here.date()), clock_written(here.time()))), at)

    def time(self, at: datetime) -> str:
        """Write "19:00", as a form's field takes it."""
        return f"{at.astimezone(zone_of(self.time_zone)):%H:%M}"

    def time_written(self, at: datetime) -> Words:
        """Write "7:00 PM", or "7:00 PM (1:00 PM for the patient)"."""
        return self._beside(clock_written(at.astimezone(zone_of(self.clinic_zone)).time()), at)

    @property
    def time_there(self) -> Words:
        """Write what the patient's clock shows now: "7:00 PM"."""
        return clock_written(self.now.astimezone(zone_of(self.time_zone)).time())

    def _beside(self, here: Words, at: datetime) -> Words:
        there = self._shown_there(at)
        return say("{moment} ({ago})", moment=here, ago=there) if there else here

    def _shown_there(self, at: datetime) -> str:
        """Write "1:00 PM for the patient", with the day where that is another one; nothing where the clocks agree."""
        here, there = (at.astimezone(zone_of(one)) for one in (self.clinic_zone, self.time_zone))
        if here.utcoffset() == there.utcoffset():
            return ""
        clock = clock_written(there.time())
        same_day = here.date() == there.date()
        return say(
            "{time} for the patient", time=clock if same_day else joined((short_day(there.date()), clock))
        )

    def day(self, day: date) -> Words:
        """Write "Nov 3, 2026"."""
        return day_written(day)

    def day_ago(self, day: date) -> Words:
        """Write "Nov 3, 2026 (today)", or how many days ago or ahead."""
        days = (self.today - day).days
        near = {0: say("today"), 1: say("yesterday"), -1: say("tomorrow")}
        distance = near.get(days)
        if distance is None:
            count = counted(abs(days), "day")
            distance = (
                say("{span_said} ago", span_said=count)
                if days > 0
                else say("in {span_said}", span_said=count)
            )
        return say("{moment} ({ago})", moment=self.day(day), ago=distance)
