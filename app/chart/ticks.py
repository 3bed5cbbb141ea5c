"""The marks of the time axis: days, months or years, as many as there is room for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
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
    found: list[Tick] = []
    for step in _STEPS:
        found = [Tick(day=day, label=label) for day, label in step(first, last, words)]
        if len(found) <= most:
            break
    return found or [Tick(day=first, label=words.day_of_year(first))]


def _every_days(step: int, first: date, last: date, words: ChartWords) -> Iterator[tuple[date, str]]:
    day = first + timedelta(days=-first.weekday() % step) if step > 1 else first
    while day <= last:
        yield day, words.day_of_year(day)
        day += timedelta(days=step)


def _every_months(step: int, first: date, last: date, words: ChartWords) -> Iterator[tuple[date, str]]:
    for number in range(first.year * _MONTHS_A_YEAR, last.year * _MONTHS_A_YEAR + _MONTHS_A_YEAR, step):
        year, month = divmod(number, _MONTHS_A_YEAR)
        day = date(year, month + 1, 1)
        if first <= day <= last:
            yield day, str(year) if month == 0 else words.month(day)


_STEPS: Final[tuple[Callable[[date, date, ChartWords], Iterator[tuple[date, str]]], ...]] = (
    *(partial(_every_days, days) for days in (1, 2, 7, 14)),
    *(partial(_every_months, months) for months in (1, 2, 3, 6, 12, 24, 60, 120, 600)),
)
