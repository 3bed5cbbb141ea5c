"""From days to marks: one a day, or in a long time one for so many weeks, so that a chart stays small."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from app.chart.trend import TrendDay

BUCKETS: Final = (1, 7, 28, 91)
"""How many days one mark may stand for. The largest makes fifty years fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One domain on one day, or through the days of one bucket.

    Attributes:
        bucket: its number; marks of neighbouring numbers are joined by a line, others are not.
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
