"""The marks of the time axis: days, months or years, as many as there is room for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice
from typing import Final

from app.chart.wording import ChartWords

_MONTHS_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A day on the axis and what stands below it."""

    day: date
    label: str


def ticks(first: date, last: date, *, most: int, words: ChartWords) -> list[Tick]:
    """The finest regular marks between two days that are no more than so many."""
    for days_of, label in _STEPS:
        days = list(islice(days_of(first, last), most + 1))
        if len(days) <= most:
            return [Tick(day=day, label=label(day, words)) for day in days or (first,)]
    return []


def _every_days(step: int, first: date, last: date) -> Iterator[date]:
    day = first + timedelta(days=-first.weekday() % step) if step > 1 else first
    while day <= last:
        yield day
        day += timedelta(days=step)


def _every_months(step: int, first: date, last: date) -> Iterator[date]:
    for number in range(first.year * _MONTHS_A_YEAR, (last.year + 1) * _MONTHS_A_YEAR, step):
        year, month = divmod(number, _MONTHS_A_YEAR)
        day = date(year, month + 1, 1)
        if first <= day <= last:
            yield day


def _day(day: date, words: ChartWords) -> str:
    return words.day_of_year(day)


def _month(day: date, words: ChartWords) -> str:
    """January says the year."""
    return words.month(day) if day.month > 1 else str(day.year)


_Days = Callable[[date, date], Iterator[date]]
_STEPS: Final[tuple[tuple[_Days, Callable[[date, ChartWords], str]], ...]] = (
    *((partial(_every_days, days), _day) for days in (1, 2, 7, 14)),
    *((partial(_every_months, months), _month) for months in (1, 2, 3, 6, 12, 24, 60, 120, 600)),
)
