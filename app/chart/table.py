"""The chart's numbers as a table, to stand beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.chart.trend import Trend, TrendDay
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS, NOTHING, PerDomain

NO_VALUE = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendEntry:
    """One check-in day, or a day with an infusion only."""

    day: date
    values: PerDomain[float | None]
    sleep_hours: float | None
    infusions: tuple[InfusionPhase, ...]
    acute: bool
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendTable:
    """The rows as they are read, with a caption and the names of the columns."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def trend_rows(trend: Trend) -> tuple[TrendEntry, ...]:
    """Each day on which something was reported or given, in order, with the numbers that are drawn."""
    reported = {one.day: one for one in trend.days}
    given: dict[date, tuple[InfusionPhase, ...]] = {}
    for one in trend.infusions:
        given[one.day] = (*given.get(one.day, ()), one.phase)
    return tuple(_row(day, reported.get(day), given.get(day, ())) for day in sorted({*reported, *given}))


def trend_table(trend: Trend, words: ChartWords) -> TrendTable:
    """The rows in words; the latest day first, since that is what is looked for."""
    columns = (
        words.day_heading,
        *(words.domains[domain] for domain in DOMAINS),
        words.sleep_hours,
        words.infusion,
    )
    return TrendTable(
        caption=f"{words.title}, {words.span(trend.first_day, trend.last_day)}",
        columns=columns,
        rows=[_read(row, words) for row in reversed(trend_rows(trend))],
    )


def _row(day: date, one: TrendDay | None, infusions: tuple[InfusionPhase, ...]) -> TrendEntry:
    return TrendEntry(
        day=day,
        values=one.values if one else NOTHING,
        sleep_hours=one.sleep_hours if one else None,
        infusions=infusions,
        acute=bool(one and one.acute),
        late=bool(one and one.late),
    )


def _read(row: TrendEntry, words: ChartWords) -> list[str]:
    values = (words.number(value) if value is not None else NO_VALUE for value in row.values)
    hours = words.count(row.sleep_hours) if row.sleep_hours is not None else NO_VALUE
    infusions = ", ".join(words.infusions[phase] for phase in row.infusions)
    return [words.day(row.day), *values, hours, infusions]
