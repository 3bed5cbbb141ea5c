"""The chart in words: a few sentences, what each sign means, and the numbers as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.chart.layout import Layout, text_width
from app.chart.panels import LEVEL_HEIGHTS, MOST_SCALES, lettered_changes, shortened
from app.chart.trend import Band, Reader, Trend, TrendDay
from app.chart.wording import ChartWords
from app.clinical.check_ins import CheckInDay
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS, NOTHING, Domain
from app.clinical.levels import Level
from app.foundation.translations import filled, put_together

_LONGEST_NAME: Final = 36


def describe_trend(trend: Trend, words: ChartWords, *, reader: Reader = Reader.PATIENT) -> str:
    """The numbers of a chart as sentences; also the text that stands for the picture on a page."""
    return " ".join(_sentences(trend.seen_by(reader), words))


def _sentences(trend: Trend, words: ChartWords) -> Iterator[str]:
    span = words.span(trend.first_day, trend.last_day)
    yield filled(words.check_in_days, {"span": span, "count": len(trend.days)})
    for index, domain in enumerate(DOMAINS):
        yield from _domain(trend, index, domain, words)
    if trend.infusions:
        last = trend.infusions[-1]
        given = {
            "count": len(trend.infusions),
            "day": words.day(last.day),
            "phase": words.infusions[last.phase],
        }
        yield filled(words.infusions_sentence, given)
    if trend.levels:
        level = trend.levels[-1]
        since = {"level": words.levels[level.level], "day": words.day(level.first_day)}
        yield filled(words.level_sentence, since)
    latest = {mark.scale: mark for mark in sorted(trend.totals, key=lambda mark: (mark.scale, mark.day))}
    for scale, mark in list(latest.items())[:MOST_SCALES]:
        named, total = shortened(scale, _LONGEST_NAME), words.count(mark.total)
        yield filled(words.total_sentence, {"scale": named, "total": total, "day": words.day(mark.day)})
    if trend.changes:
        yield put_together((f"{words.changes}: {'; '.join(_changes(trend, words))}", "."))
    if trend.notes:
        last_note = words.day(max(trend.notes))
        yield filled(words.notes_sentence, {"count": len(trend.notes), "day": last_note})


def _changes(trend: Trend, words: ChartWords) -> Iterator[str]:
    for letter, one in lettered_changes(trend):
        yield f"{letter}: {words.change_kinds.get(one.kind, one.kind)}, {words.day_of_year(one.day)}"


def _domain(trend: Trend, index: int, domain: Domain, words: ChartWords) -> Iterator[str]:
    answered = [(one.day, value) for one in trend.days if (value := one.values[index]) is not None]
    parts = []
    if answered:
        day, latest = answered[-1]
        values = [value for _, value in answered]
        parts.append(
            words.domain_sentence.format(
                domain=words.domains[domain],
                latest=words.number(latest),
                day=words.day(day),
                mean=words.number(sum(values) / len(values)),
                lowest=words.number(min(values)),
                highest=words.number(max(values)),
            )
        )
    else:
        parts.append(f"{words.domains[domain]}: {words.not_answered}")
    for band, name in ((trend.reference, words.reference), (trend.baseline, words.baseline)):
        parts += _band(band, index, name, words)
    yield put_together(("; ".join(parts), "."))


def _band(band: Band | None, index: int, name: str, words: ChartWords) -> Iterator[str]:
    value = band.values[index] if band else None
    if band is not None and value is not None:
        yield words.band_sentence.format(
            band=name,
            mean=words.number(value),
            spread=words.number(band.spread[index]),
            n=band.days[index],
        )


_SIGN: Final = 30
_BETWEEN: Final = 18
LINE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A sign, its meaning, and where it stands."""

    sign: str
    text: str
    x: int
    y: int


def legend_of(trend: Trend, words: ChartWords, layout: Layout, *, top: int, bucket: int) -> list[Key]:
    """The signs of this chart in lines, as many on each as there is room for."""
    keys: list[Key] = []
    x, y = layout.left, top
    signs = [*_signs(trend, words, bucket), *(("", text) for text in _changes(trend, words))]
    for sign, text in signs:
        lines = _lines(text, layout)
        width = _SIGN + round(max(text_width(line, layout.small) for line in lines))
        if x > layout.left and x + width > layout.width - layout.right:
            x, y = layout.left, y + LINE
        keys.append(Key(sign=sign, text=lines[0], x=x, y=y))
        for line in lines[1:]:
            y += LINE - 3
            keys.append(Key(sign="", text=line, x=x, y=y))
        x += width + _BETWEEN
    return keys


def level_sign(level: Level) -> str:
    """The sign of a level: a bar as high as in the strip."""
    return f"level {level.value}"


def _signs(trend: Trend, words: ChartWords, bucket: int) -> Iterator[tuple[str, str]]:
    if trend.days:
        yield "marks", words.averaged[bucket]
    if trend.reference and any(value is not None for value in trend.reference.values):
        yield "reference", words.reference
    if trend.baseline and any(value is not None for value in trend.baseline.values):
        yield "baseline", words.baseline
    for phase, name in words.infusions.items():
        if any(one.phase is phase for one in trend.infusions):
            yield phase.value, name
    if bucket == 1 and any(one.acute for one in trend.days):
        yield "acute", words.acute
    if bucket == 1 and any(one.late for one in trend.days):
        yield "late", words.late
    for level in LEVEL_HEIGHTS:
        if any(span.level is level for span in trend.levels):
            yield level_sign(level), words.levels[level]


def _lines(text: str, layout: Layout) -> Sequence[str]:
    """A text in lines that fit beside its sign."""
    room = layout.width - layout.left - layout.right - _SIGN
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", layout.small) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


NO_VALUE = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendEntry:
    """One check-in day, or a day with an infusion only."""

    reported: TrendDay
    infusions: tuple[InfusionPhase, ...]


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
        reported=one or TrendDay(means=CheckInDay(day=day, values=NOTHING)), infusions=infusions
    )


def _read(row: TrendEntry, words: ChartWords) -> list[str]:
    means = row.reported.means
    values = (words.number(value) if value is not None else NO_VALUE for value in means.values)
    hours = words.count(means.sleep_hours) if means.sleep_hours is not None else NO_VALUE
    infusions = ", ".join(words.infusions[phase] for phase in row.infusions)
    return [words.day(means.day), *values, hours, infusions]
