"""What stands above and below the panels: infusions on their days, levels and totals for clinicians."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from app.chart.layout import Ruler, point, short, text_width
from app.chart.trend import InfusionMark, LevelSpan, TotalMark
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.levels import Level

LEVEL_HEIGHTS: Final = {
    Level.NO_REFERENCE: 4,
    Level.UNKNOWN: 7,
    Level.STEADY: 10,
    Level.WATCH: 18,
    Level.CONSIDER_BOOSTER: 28,
}
"""A worse level stands higher: it is read without colour."""
MOST_SCALES: Final = 6
_APART, _APART_IN_A_CROWD, _CROWD = 3.0, 10.0, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsLine:
    """The totals of one scale: a dot each, and the number where there is room for it."""

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
    """A row for each scale, in the order of their names; its name beside it, or above where there is no room."""
    rows: list[TotalsLine] = []
    layout = ruler.layout
    beside = layout.bands_beside
    ordered = sorted(totals, key=lambda mark: (mark.scale, mark.day))
    for name, group in groupby(ordered, key=lambda mark: mark.scale):
        y = (rows[-1].y if rows else top) + (2 if beside else 3) * (layout.small + 1)
        marks = [(ruler.x(mark.day.toordinal()), words.count(mark.total)) for mark in group]
        rows.append(
            TotalsLine(
                name=shortened(name, layout.longest_name),
                name_x=layout.plot_right + 10 if beside else layout.left,
                name_y=y if beside else y - layout.small - 8,
                y=y,
                dots=[short(x) for x in _apart([x for x, _ in marks])],
                numbers=[(short(x), text) for x, text in _with_room(marks, layout.small)],
            )
        )
    return rows[:MOST_SCALES]


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
