"""When a patient is asked, by the clock on the patient's own wall, and when never."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from app.clinical.check_ins import calendar_day, check_in_day, zone_of
from app.clinical.protocol import DAY_STARTS_AT_HOUR

_ONE_DAY: Final = timedelta(days=1)
_DAY_STARTS: Final = time(DAY_STARTS_AT_HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTimes:
    """When to ask and when never; local times without a zone, since the zone is where the patient is.

    Attributes:
        ask_at: the time of day; before 04:00 it belongs to the check-in day that is about to end.
        quiet_from, quiet_until: nothing is sent in between; equal times mean no quiet hours.
        paused_until: nothing is sent before this day.
    """

    ask_at: time
    quiet_from: time
    quiet_until: time
    paused_until: date | None

    def is_quiet(self, at: time) -> bool:
        """Whether nothing is sent at this time of day."""
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def moment(self, day: date, time_zone: str) -> datetime:
        """When a check-in day's reminder is due.

        A time that the clocks skip is an hour later by the new clock; one that comes twice is the first.
        """
        on = day if self.ask_at >= _DAY_STARTS else day + _ONE_DAY
        return _instant(on, self.ask_at, time_zone)

    def next_moment(self, time_zone: str, *, after: datetime) -> datetime:
        """The first moment after this one at which a reminder may be due."""
        day = check_in_day(after, time_zone) - _ONE_DAY
        while (moment := self.moment(day, time_zone)) <= after:
            day += _ONE_DAY
        return moment

    def forbid(self, now: datetime, time_zone: str) -> bool:
        """Whether nothing is sent now: the hours are quiet, or the patient made a pause."""
        local = now.astimezone(zone_of(time_zone))
        paused = self.paused_until is not None and check_in_day(now, time_zone) < self.paused_until
        return paused or self.is_quiet(local.time())

    def may_ask(self, now: datetime, time_zone: str) -> bool:
        """Whether the present check-in day's reminder is due by now, and nothing forbids it."""
        due_at = self.moment(check_in_day(now, time_zone), time_zone)
        return due_at <= now and not self.forbid(now, time_zone)

    def helps_until(self, now: datetime, time_zone: str) -> datetime:
        """Until when a reminder of now may still arrive: the quiet hours, or the end of the check-in day."""
        end_of_day = _instant(check_in_day(now, time_zone) + _ONE_DAY, _DAY_STARTS, time_zone)
        if self.quiet_from == self.quiet_until:
            return end_of_day
        on = calendar_day(now, time_zone)
        quiet = next(
            moment
            for days in range(3)
            if (moment := _instant(on + days * _ONE_DAY, self.quiet_from, time_zone)) > now
        )
        return min(end_of_day, quiet)


def _instant(on: date, at: time, time_zone: str) -> datetime:
    return datetime.combine(on, at, tzinfo=zone_of(time_zone)).astimezone(UTC)
