"""One domain's panel with its marks, and the strips above and below the panels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from string import ascii_uppercase
from typing import Final

from app.chart.layout import Layout, Mark, Ruler, Scale, marks_of, point, runs_of, short, text_width
from app.chart.trend import Band, ChangeMark, InfusionMark, LevelSpan, TotalMark, Trend
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS, HIGHEST, LOWEST
from app.clinical.levels import Level

_HEADING = 24
_BELOW_MARK = 7.0
GRID = (LOWEST, HIGHEST // 2, HIGHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandShape:
    """A band across the panel, its mean in the middle, and its name where there is room for it."""

    kind: str
    top: str
    height: str
    mean: str
    name: str
    value: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One domain as the template draws it; every place is written as SVG writes it."""

    number: int
    top: int
    bottom: int
    heading: int
    name: str
    latest: str
    grid: Sequence[tuple[str, int]]
    bands: Sequence[BandShape]
    ranges: Sequence[str] = ()
    lines: Sequence[str] = ()
    hollow: str = ""
    late: str = ""
    beside: Sequence[tuple[str, BandShape]] = field(default=())
    below: str = ""


def panel_of(trend: Trend, index: int, *, top: int, ruler: Ruler, words: ChartWords, bucket: int) -> Panel:
    """The panel of one domain, whose heading begins at `top`."""
    layout = ruler.layout
    below = "" if layout.bands_beside else _values_below(trend, index, words)
    plot_top = top + _HEADING + (layout.small + 4 if below else 0)
    scale = Scale(top=plot_top, height=layout.panel)
    marks = marks_of(trend.days, index, bucket=bucket)
    bands = list(_bands(trend, index, scale, words))
    return Panel(
        number=index,
        top=plot_top,
        bottom=plot_top + layout.panel,
        heading=top + 15,
        name=words.domains[DOMAINS[index]],
        latest=_latest(trend, index, words),
        grid=[(short(scale.y(value)), value) for value in GRID],
        bands=bands,
        ranges=[_range(run, ruler, scale) for run in runs_of(marks)] if bucket > 1 else (),
        lines=[" ".join(_at(mark, ruler, scale) for mark in run) for run in runs_of(marks)],
        hollow=" ".join(_at(mark, ruler, scale) for mark in marks if mark.acute),
        late="".join(_late(mark, ruler, scale) for mark in marks if mark.late),
        beside=_beside(bands, scale, layout) if layout.bands_beside else (),
        below=below,
    )


def _at(mark: Mark, ruler: Ruler, scale: Scale) -> str:
    return point(ruler.x(mark.at), scale.y(mark.mean))


def _late(mark: Mark, ruler: Ruler, scale: Scale) -> str:
    """A short stroke below the mark; above it where the panel ends."""
    y = scale.y(mark.mean)
    y += _BELOW_MARK if y + _BELOW_MARK <= scale.top + scale.height else -_BELOW_MARK
    return f"M{point(ruler.x(mark.at) - 3, y)}h6"


def _range(run: Sequence[Mark], ruler: Ruler, scale: Scale) -> str:
    """From the lowest to the highest day of each mark: there along the top, back along the bottom."""
    above = [point(ruler.x(mark.at), scale.y(mark.highest)) for mark in run]
    below = [point(ruler.x(mark.at), scale.y(mark.lowest)) for mark in reversed(run)]
    return " ".join([*above, *below])


def _latest(trend: Trend, index: int, words: ChartWords) -> str:
    for one in reversed(trend.days):
        value = one.values[index]
        if value is not None:
            return words.latest.format(value=words.number(value), day=words.day_of_year(one.day))
    return words.not_answered if trend.days else ""


def _bands(trend: Trend, index: int, scale: Scale, words: ChartWords) -> Iterator[BandShape]:
    for kind, band, name in (
        ("baseline", trend.baseline, words.baseline),
        ("reference", trend.reference, words.reference),
    ):
        value = band.values[index] if band else None
        if band is None or value is None:
            continue
        high, low = scale.y(value + band.spread[index]), scale.y(value - band.spread[index])
        yield BandShape(
            kind=kind,
            top=short(high),
            height=short(low - high),
            mean=short(scale.y(value)),
            name=name,
            value=_mean_and_spread(band, index, value, words),
            at=scale.y(value),
        )


def _mean_and_spread(band: Band, index: int, value: float, words: ChartWords) -> str:
    return f"{words.number(value)} ± {words.number(band.spread[index])}"


def _beside(bands: Sequence[BandShape], scale: Scale, layout: Layout) -> list[tuple[str, BandShape]]:
    """The bands' names beside the panel at their means, moved apart where they would touch."""
    height = 2 * layout.small + 4
    ordered = sorted(bands, key=lambda band: band.at)
    lowest = scale.top + scale.height - height / 2
    places = [min(max(band.at, scale.top + height / 2), lowest) for band in ordered]
    if len(places) > 1 and places[1] - places[0] < height:
        middle = min(max(sum(places) / 2, scale.top + height), scale.top + scale.height - height)
        places = [middle - height / 2, middle + height / 2]
    return [(short(place), band) for place, band in zip(places, ordered, strict=True)]


def _values_below(trend: Trend, index: int, words: ChartWords) -> str:
    values = []
    for band, name in ((trend.reference, words.reference), (trend.baseline, words.baseline)):
        value = band.values[index] if band else None
        if value is not None:
            values.append(f"{name} {words.number(value)}")
    return " · ".join(values)


LEVEL_HEIGHTS: Final = {
    Level.NO_REFERENCE: 4,
    Level.UNKNOWN: 7,
    Level.STEADY: 10,
    Level.WATCH: 18,
    Level.CONSIDER_BOOSTER: 28,
}
"""A worse level stands higher: it is read without color."""
MOST_SCALES: Final = 6
_APART, _APART_IN_A_CROWD, _CROWD = 3.0, 10.0, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsLine:
    """A strip below the panels, such as the totals of one scale: a dot each, and its text where there is room."""

    name: str
    name_x: int
    name_y: int
    y: int
    dots: Sequence[str]
    numbers: Sequence[tuple[str, str]]


def infusion_places(infusions: Iterable[InfusionMark], phase: InfusionPhase, ruler: Ruler) -> list[float]:
    """Where the infusions of a phase stand; those that would be one stroke anyway are drawn once."""
    return _apart([ruler.x(one.day.toordinal()) for one in infusions if one.phase is phase])


def level_bars(spans: Sequence[LevelSpan], ruler: Ruler, *, base: float) -> dict[Level, str]:
    """The levels as bars side by side on a line, one path for each level."""
    bars: dict[Level, str] = {}
    for start, end, level in _broad(spans, ruler):
        height = LEVEL_HEIGHTS[level]
        bar = f"M{point(start, base)}v-{height}h{short(end - start)}v{height}z"
        bars[level] = bars.get(level, "") + bar
    return bars


def _broad(spans: Sequence[LevelSpan], ruler: Ruler) -> list[tuple[float, float, Level]]:
    """The spans from left to right; those too narrow to be seen join the next, and the worse level shows."""
    bars: list[tuple[float, float, Level]] = []
    for span in spans:
        start, end, level = ruler.start_of(span.first_day), ruler.end_of(span.last_day), span.level
        if bars and bars[-1][1] - bars[-1][0] < _APART and start - bars[-1][1] < _APART:
            start, level = bars[-1][0], max(bars.pop()[2], level)
        bars.append((start, end, level))
    return bars


def totals_rows(
    totals: Sequence[TotalMark], ruler: Ruler, words: ChartWords, *, top: int
) -> list[TotalsLine]:
    """A row for each scale, in the order of their names."""
    rows: list[TotalsLine] = []
    ordered = sorted(totals, key=lambda mark: (mark.scale, mark.day))
    for name, group in groupby(ordered, key=lambda mark: mark.scale):
        marks = [(mark.day, words.count(mark.total)) for mark in group]
        rows.append(_row(name, marks, ruler, below=rows[-1].y if rows else top))
    return rows[:MOST_SCALES]


def mark_rows(trend: Trend, ruler: Ruler, words: ChartWords, *, top: int) -> list[TotalsLine]:
    """A row for what else changed, by its letter, and one for the patient's notes, by their number."""
    lettered = [(one.day, letter) for letter, one in lettered_changes(trend)]
    numbered = [(day, str(number)) for number, day in enumerate(sorted(trend.notes), 1)]
    rows: list[TotalsLine] = []
    for name, marks in ((words.changes, lettered), (words.notes, numbered)):
        if marks:
            rows.append(_row(name, marks, ruler, below=rows[-1].y if rows else top))
    return rows


def _row(name: str, marks: Sequence[tuple[date, str]], ruler: Ruler, *, below: int) -> TotalsLine:
    """A strip of dots with their texts; its name beside it, or above where there is no room."""
    layout = ruler.layout
    beside = layout.bands_beside
    y = below + (2 if beside else 3) * (layout.small + 1)
    placed = [(ruler.x(day.toordinal()), text) for day, text in marks]
    return TotalsLine(
        name=shortened(name, layout.longest_name),
        name_x=layout.plot_right + 10 if beside else layout.left,
        name_y=y if beside else y - layout.small - 8,
        y=y,
        dots=[short(x) for x in _apart([x for x, _ in placed])],
        numbers=[(short(x), text) for x, text in _with_room(placed, layout.small)],
    )


def lettered_changes(trend: Trend) -> list[tuple[str, ChangeMark]]:
    """The latest of what else changed, oldest first, each with its letter."""
    latest = sorted(trend.changes, key=lambda one: one.day)[-len(ascii_uppercase) :]
    return list(zip(ascii_uppercase, latest, strict=False))


def shortened(name: str, longest: int) -> str:
    """A clinic's own name for a scale, as far as there is room for it."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _apart(places: Sequence[float]) -> list[float]:
    """The places without those that cannot be distinguished from the one before; many are drawn further apart."""
    apart = _APART_IN_A_CROWD if len(places) > _CROWD else _APART
    kept: list[float] = []
    for place in places:
        if not kept or place - kept[-1] >= apart:
            kept.append(place)
    return kept


def _with_room(marks: Sequence[tuple[float, str]], size: int) -> Iterator[tuple[float, str]]:
    """From the latest back, because that one is looked for."""
    left = float("inf")
    for x, text in reversed(marks):
        half = text_width(text, size) / 2 + 2
        if x + half <= left:
            left = x - half
            yield x, text
