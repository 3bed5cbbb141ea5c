"""A check-in, the day it belongs to, and the mean of a day."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from app.clinical.domains import REPORTED_NUMBERS, PerDomain, refuse_out_of_range
from app.clinical.errors import TimeWithoutZoneError, UnknownTimeZoneError
from app.clinical.protocol import DAY_STARTS_AT_HOUR, Protocol

ONE_DAY: Final = timedelta(days=1)
SECONDS_AN_HOUR: Final = 3600
# A name that stands for no place: its clock is that of a machine which was never set.
_NO_PLACE: Final = "Factory"
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])(\d{2}):?([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """What a patient reported once.

    Attributes:
        id: the client's own id; it also settles the order of two reports of the same instant.
        recorded_at: when it was entered, with an offset.
        time_zone: where the patient was: an IANA name, or an offset such as "+02:00" for imports.
        mood, energy, sleep_quality: 0 (worst) to 10 (best); None when skipped.
        sleep_hours: the night that ended on this check-in day, 0 to 24; shown, never decides.
        asks_about_booster: "I would like to talk about a booster".
        self_harm_thoughts: "I am thinking about harming myself"; see `safety`.

    Raises:
        TimeWithoutZoneError: when `recorded_at` has no offset.
        ReportOutOfRangeError: when a report is outside its range.
    """

    id: str
    recorded_at: datetime
    time_zone: str
    mood: float | None = None
    energy: float | None = None
    sleep_quality: float | None = None
    sleep_hours: float | None = None
    asks_about_booster: bool = False
    self_harm_thoughts: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be a report."""
        if self.recorded_at.tzinfo is None:
            raise TimeWithoutZoneError(field="recorded_at")
        for name, number in REPORTED_NUMBERS.items():
            refuse_out_of_range(name, getattr(self, name), number.highest)

    @property
    def values(self) -> PerDomain[float | None]:
        """The three domains, None where skipped."""
        return PerDomain(self.mood, self.energy, self.sleep_quality)

    @property
    def reported(self) -> dict[str, float | None]:
        """Every number, by its name; None where skipped."""
        return {name: getattr(self, name) for name in REPORTED_NUMBERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInDay:
    """All check-ins of one check-in day taken as one: their mean so far, per domain."""

    day: date
    values: PerDomain[float | None]
    sleep_hours: float | None = None


@lru_cache(maxsize=1024)
def zone_of(time_zone: str) -> tzinfo:
    """The rules of a zone, by IANA name or by fixed offset.

    Raises:
        UnknownTimeZoneError: when it is neither.
    """
    if fixed := _OFFSET.fullmatch(time_zone):
        sign, hours, minutes = fixed.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < ONE_DAY:
            return timezone(-offset if sign == "-" else offset)
        raise UnknownTimeZoneError(time_zone=time_zone)
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as unknown:
        raise UnknownTimeZoneError(time_zone=time_zone) from unknown
    if time_zone == _NO_PLACE:
        raise UnknownTimeZoneError(time_zone=time_zone)
    return zone


def check_in_day(recorded_at: datetime, time_zone: str) -> date:
    """The day just lived: from 04:00 to 04:00 by the clock on the patient's wall.

    An entry at 01:37 belongs to the day before. Where clocks change, the wall still decides, so a day
    may last 23 or 25 hours and no report falls between two days.
    """
    return date.fromordinal(day_number(recorded_at, time_zone))


def check_in_day_at(seconds: float, time_zone: str) -> date:
    """Give the same of a moment in seconds since 1970, which is quicker where there are many."""
    return date.fromordinal(_number_of_day(datetime.fromtimestamp(seconds, zone_of(time_zone))))


def calendar_day(at: datetime, time_zone: str) -> date:
    """The date on the wall in a zone, from midnight to midnight: of appointments, and of what staff date by it."""
    return at.astimezone(zone_of(time_zone)).date()


def day_number(recorded_at: datetime, time_zone: str) -> int:
    """The same day as a number (`date.toordinal()`), which is what the rule counts with."""
    return _number_of_day(recorded_at.astimezone(zone_of(time_zone)))


def _number_of_day(local: datetime) -> int:
    return local.toordinal() - (local.hour < DAY_STARTS_AT_HOUR)


def days_of(check_ins: Iterable[CheckIn]) -> tuple[CheckInDay, ...]:
    """Check-ins as check-in days in order, leaving out those that answered no domain.

    The order in which they are given does not matter.
    """
    by_day: dict[date, list[CheckIn]] = {}
    for check_in in sorted(check_ins, key=lambda entry: (entry.recorded_at.timestamp(), entry.id)):
        by_day.setdefault(check_in_day(check_in.recorded_at, check_in.time_zone), []).append(check_in)
    days = (
        CheckInDay(day=day, values=_means(by_day[day]), sleep_hours=_mean_hours(by_day[day]))
        for day in sorted(by_day)
    )
    return tuple(one for one in days if any(value is not None for value in one.values))


def is_acute(at: float, given_at: Iterable[float], protocol: Protocol) -> bool:
    """Whether a report or a total is of less than 24 hours after one of these infusions; times in seconds.

    Such a one is kept and shown, but enters no reference and no decision.
    """
    lasts = protocol.acute_hours * SECONDS_AN_HOUR
    for given in given_at:  # noqa: SIM110 - `any` takes twice as long, and every check-in comes here
        if 0 <= at - given < lasts:
            return True
    return False


def _means(check_ins: Sequence[CheckIn]) -> PerDomain[float | None]:
    mood, energy, sleep = (
        [value for value in reports if value is not None]
        for reports in zip(*(check_in.values for check_in in check_ins), strict=True)
    )
    return PerDomain(_mean(mood), _mean(energy), _mean(sleep))


def _mean_hours(check_ins: Sequence[CheckIn]) -> float | None:
    return _mean([one.sleep_hours for one in check_ins if one.sleep_hours is not None])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
