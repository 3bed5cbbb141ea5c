"""Where things stand: two shapes of one chart, the rulers from days and reports to places, and days as marks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from itertools import groupby, islice
from typing import Final

from app.chart.trend import TrendDay
from app.chart.wording import ChartWords
from app.clinical.domains import HIGHEST

BUCKETS: Final = (1, 7, 28, 91)
"""How many days one mark may stand for. The largest makes fifty years fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One domain on one day, or through the days of one bucket.

    Attributes:
        bucket: its number; marks of neighboring numbers are joined by a line, others are not.
        at: the middle of its days, as a day number.
        mean, lowest, highest: of the days' means.
    """

    bucket: int
    at: float
    mean: float
    lowest: float
    highest: float
    acute: bool = False
    late: bool = False


def buckets_for(length: int, *, most_days: int, most_marks: int) -> Sequence[int]:
    """For how many days a mark may stand, best first: one while they are few enough, else as few weeks as fit."""
    if length <= most_days:
        return BUCKETS
    return [days for days in BUCKETS[1:] if length <= days * most_marks] or BUCKETS[-1:]


def marks_of(days: Sequence[TrendDay], domain: int, *, bucket: int) -> list[Mark]:
    """The marks of one domain, in order. A bucket begins on a Monday, so a mark does not move with the range."""
    answered = [(one, value) for one in days if (value := one.values[domain]) is not None]
    # Day number 1, the first of January of the year 1, was a Monday.
    grouped = groupby(answered, key=lambda entry: (entry[0].day.toordinal() - 1) // bucket)
    return [_mark(number, list(entries), bucket) for number, entries in grouped]


def runs_of(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Marks without a gap between them: what a line may join. Nothing is drawn across a missing day."""
    runs: list[list[Mark]] = []
    for mark in marks:
        if runs and runs[-1][-1].bucket + 1 == mark.bucket:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    return runs


def _mark(number: int, entries: Sequence[tuple[TrendDay, float]], bucket: int) -> Mark:
    values = [value for _, value in entries]
    return Mark(
        bucket=number,
        at=number * bucket + 1 + (bucket - 1) / 2,
        mean=sum(values) / len(values),
        lowest=min(values),
        highest=max(values),
        acute=bucket == 1 and entries[0][0].acute,
        late=bucket == 1 and entries[0][0].late,
    )


class Width(StrEnum):
    """For which room a chart is made: a phone's column, or a page."""

    COMPACT = "compact"
    WIDE = "wide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Sizes in the units of the viewBox, which are pixels at the size that each shape is made for.

    Attributes:
        left, right: margins beside the plots; to the right, a wide chart names its bands, if it has any
            (else `right_alone`).
        most_days, most_marks: more days become weeks, more weeks than marks become four weeks.
    """

    width: int
    left: int
    right: int
    right_alone: int
    panel: int
    text: int
    small: int
    most_ticks: int
    most_days: int
    most_marks: int
    bands_beside: bool
    longest_name: int

    @property
    def plot_right(self) -> int:
        """The right edge of the plots."""
        return self.width - self.right

    @property
    def plot_width(self) -> int:
        """How wide the plots are."""
        return self.plot_right - self.left


LAYOUTS: Final = {
    Width.COMPACT: Layout(
        width=320,
        left=28,
        right=14,
        right_alone=14,
        panel=84,
        text=13,
        small=12,
        most_ticks=5,
        most_days=100,
        most_marks=70,
        bands_beside=False,
        longest_name=36,
    ),
    Width.WIDE: Layout(
        width=900,
        left=36,
        right=164,
        right_alone=28,
        panel=110,
        text=14,
        small=13,
        most_ticks=9,
        most_days=200,
        most_marks=270,
        bands_beside=True,
        longest_name=18,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """From days to places from left to right. A day has a width; its mark stands in its middle."""

    first_day: date
    length: int
    layout: Layout

    def x(self, day: float) -> float:
        """The middle of a day, by its number; never outside of the plot."""
        return self._place(day - self.first_day.toordinal() + 0.5)

    def start_of(self, day: date) -> float:
        """Where a day begins."""
        return self._place(day.toordinal() - self.first_day.toordinal())

    def end_of(self, day: date) -> float:
        """Where a day ends."""
        return self._place(day.toordinal() - self.first_day.toordinal() + 1)

    def _place(self, days: float) -> float:
        inside = min(max(days / self.length, 0.0), 1.0)
        return self.layout.left + inside * self.layout.plot_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From reports, 0 to 10, to places from top to bottom."""

    top: float
    height: float

    def y(self, value: float) -> float:
        """Where a report stands; 10 is at the top. A band that reaches further is cut off."""
        return self.top + (1 - min(max(value, 0.0), HIGHEST) / HIGHEST) * self.height


def short(value: float) -> str:
    """A place with one decimal, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")


def point(x: float, y: float) -> str:
    """A place as SVG writes it."""
    return f"{short(x)},{short(y)}"


def text_width(text: str, size: int) -> float:
    """About how wide a text is; the reader's font is not known here."""
    return len(text) * size * 0.56


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
