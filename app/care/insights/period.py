"""A period of whole days: the first is in it, the end is not."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from app.clinical.check_ins import calendar_day, zone_of
from app.foundation.errors import RefusalError

STANDARD_DAYS: Final = 90
MOST_DAYS: Final = 366


class PeriodRefusedError(RefusalError):
    """A period begins before it ends, has at most 366 days and ends no later than tomorrow, by the clinic's clock."""

    code = "period-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days from `first` on and before `end`.

    What has a moment is in it by the clinic's clock. What has a day (a check-in, an infusion, a loss)
    is in it by that day where the patient is.
    """

    first: date
    end: date
    time_zone: str = "UTC"

    @property
    def began_at(self) -> datetime:
        """The first moment that is in it."""
        return datetime.combine(self.first, time(), zone_of(self.time_zone))

    @property
    def ended_at(self) -> datetime:
        """The first moment that is not in it any more."""
        return datetime.combine(self.end, time(), zone_of(self.time_zone))


def period_of(first: date | None, end: date | None, *, now: datetime, time_zone: str) -> Period:
    """The period that was asked for; without an end up to and with today, without a first day 90 days.

    Raises:
        PeriodRefusedError: it is empty, too long, or ends in the future.
    """
    tomorrow = calendar_day(now, time_zone) + timedelta(days=1)
    end = end or tomorrow
    first = first or end - timedelta(days=STANDARD_DAYS)
    if end > tomorrow:
        raise PeriodRefusedError("query/to")
    if not 0 < (end - first).days <= MOST_DAYS:
        raise PeriodRefusedError("query/from")
    return Period(first=first, end=end, time_zone=time_zone)
