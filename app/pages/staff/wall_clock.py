"""How a page writes times: by the clock on the patient's wall, with the date, and how long ago in words."""

from dataclasses import dataclass
from datetime import date, datetime

from app.clinical.check_ins import check_in_day, zone_of
from app.clinical.english_formats import counted
from app.pages.staff.when import clock_written, day_written, moment_and_ago, moment_in


@dataclass(frozen=True, slots=True)
class WallClock:
    """A zone's clock at one moment."""

    time_zone: str
    now: datetime

    @property
    def today(self) -> date:
        """The check-in day of now."""
        return check_in_day(self.now, self.time_zone)

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
