"""The chart of the care team's pages: one fluid picture for 320 px and 1440, the newest day always at the right edge.

Across, places are per cent of the width; down, per cent of their panel, whose height is the style's: lower on a
phone, so that the whole picture stands above the actions. Text, dots and pins never scale; lines lie in nested
pictures that stretch. What is drawn was decided or averaged by the core; only the line through the days is smoothed
here, with the rule's own time constant, to lead the eye. It decides nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.chart.trend import LevelSpan, Trend, TrendDay
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS
from app.clinical.english_formats import capitalised
from app.clinical.levels import Level
from app.clinical.protocol import Protocol
from app.foundation.translations import in_language

_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
).get_template("fluid.svg.jinja")
_STRIP: Final = 22
# In the pictures that stretch; what is drawn in them has one decimal.
_FULL: Final = 100
_HEIGHTS: Final = (170, 64, 64)
_CLASSES: Final = ("mood", "energy", "sleep")
# A gap of more than so many days breaks the line.
_LONGEST_GAP: Final = 7
_FEWEST_FOR_A_LINE: Final = 3
_TICKS: Final = 6
_EVERY_INFUSION_UP_TO: Final = 120
# Infusions that are closer than this share of the days have numbers that run together on a phone.
_CLOSE: Final = 0.04
_LEVELS: Final = {
    Level.STEADY: ("stable", 3),
    Level.WATCH: ("watch", 6),
    Level.CONSIDER_BOOSTER: ("consider", 9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A patient's note on its day, by its number in the timeline."""

    day: date
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something else that changed on its day, by its letter; ``said`` is what it is."""

    day: date
    letter: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    name: str
    code: str
    height: int
    said: str
    reference_y: float | None
    base_y: float | None
    line: str
    shade: str
    dots: Sequence[tuple[str, float, bool]]
    end: tuple[str, float] | None


def draw_fluid(
    trend: Trend,
    protocol: Protocol,
    words: ChartWords,
    *,
    pins: Sequence[Pin] = (),
    marks: Sequence[Mark] = (),
) -> Markup:
    """Draw a trend with its infusions, notes, totals, what else changed, and levels, in the reader's language."""
    place = _Places(trend.first_day, trend.length)
    panels = [_panel(trend, index, height, place, protocol, words) for index, height in enumerate(_HEIGHTS)]
    shown = [pin for pin in pins if trend.first_day <= pin.day <= trend.last_day]
    # Below the panels, a strip for each of what there is.
    strips = [name for name, kept in (("pins", shown), ("totals", trend.totals), ("marks", marks)) if kept]
    at = {name: _STRIP * (number + 1) - 1 for number, name in enumerate(strips)}
    levels_y = _STRIP * len(strips) + 14
    return Markup(  # noqa: S704 - made by our own template, which escapes
        _TEMPLATE.render(
            length=trend.length,
            full=_FULL,
            below=levels_y + 30,
            panels=panels,
            ticks=[(place.middle(day), words.day_of_year(day)) for day in _ticks(trend)],
            infusions=list(_infusions(trend, place, words)),
            at=at,
            pins=[(place.middle(pin.day), pin.number) for pin in shown],
            totals=[(place.middle(one.day), f"{one.total:g}") for one in trend.totals],
            scale=trend.totals[-1].scale if trend.totals else "",
            marks=[(place.middle(one.day), one.letter, _changed(one, words)) for one in marks],
            levels_y=levels_y,
            levels=list(_levels(trend.levels, place)),
            hits=list(_hits(trend, place, words)),
            title=words.title_of_days.format(
                first=words.day_of_year(trend.first_day), last=words.day_of_year(trend.last_day)
            ),
            words=words,
        )
    )


class _Places:
    """Where days lie across the width."""

    def __init__(self, first: date, length: int) -> None:
        self._first, self._length = first, length

    def index(self, day: date) -> float:
        return (day - self._first).days + 0.5

    def middle(self, day: date) -> str:
        return f"{self.index(day) / self._length * 100:.2f}%"

    def left(self, day: date) -> str:
        return f"{(day - self._first).days / self._length * 100:.2f}%"

    def width(self, days: int) -> str:
        return f"{days / self._length * 100:.2f}%"


def _panel(
    trend: Trend, index: int, height: int, place: _Places, protocol: Protocol, words: ChartWords
) -> _Panel:
    def y(value: float) -> float:
        return round(_FULL * (1 - value / 10), 1)

    reference = trend.reference.values[index] if trend.reference else None
    before = trend.baseline.values[index] if trend.baseline else None
    days = [(one, value) for one in trend.days if (value := one.values[index]) is not None]
    smoothed = list(_smoothed([pair for pair in days if not pair[0].acute], protocol))
    drawn = smoothed if len(smoothed) >= _FEWEST_FOR_A_LINE else []
    stretches = list(_stretches(drawn))
    after = trend.reference.to_day if trend.reference else None
    return _Panel(
        name=capitalised(words.spoken[DOMAINS[index]]),
        code=_CLASSES[index],
        height=height,
        said=_said(days, reference, before, words),
        reference_y=None if reference is None else y(reference),
        base_y=None if before is None else y(before),
        line="".join(
            "M" + "L".join(f"{place.index(day):g} {y(value):.1f}" for day, value in one) for one in stretches
        ),
        shade="".join(
            _shade(
                [(place.index(day), y(value)) for day, value in one if after and day > after],
                y(reference),
            )
            for one in stretches
            if reference is not None
        ),
        dots=[(place.middle(one.day), y(value), one.acute) for one, value in days],
        end=(place.middle(drawn[-1][0]), y(drawn[-1][1])) if drawn else None,
    )


def _said(
    days: Sequence[tuple[TrendDay, float]], reference: float | None, before: float | None, words: ChartWords
) -> str:
    parts = []
    if days:
        latest, value = days[-1]
        parts.append(f"{words.day_of_year(latest.day)}: {words.count(value)}")
    if reference is not None:
        parts.append(f"{words.reference_line} {words.number(reference)}")
    if before is not None:
        parts.append(f"{words.before} {words.number(before)}")
    return " · ".join(parts)


def _smoothed(days: Sequence[tuple[TrendDay, float]], protocol: Protocol) -> Iterator[tuple[date, float]]:
    level, last = 0.0, None
    for one, value in days:
        gap = (one.day - last).days if last else _LONGEST_GAP + 1
        rate = min(protocol.smoothing_most, 1 - exp(-gap / protocol.smoothing_days))
        # After a gap that breaks the line, it begins where the reports are.
        level = value if gap > _LONGEST_GAP else level + rate * (value - level)
        last = one.day
        yield one.day, level


def _stretches(points: Sequence[tuple[date, float]]) -> Iterator[list[tuple[date, float]]]:
    current: list[tuple[date, float]] = []
    for day, value in points:
        if current and (day - current[-1][0]).days > _LONGEST_GAP:
            yield current
            current = []
        current.append((day, value))
    if current:
        yield current


def _shade(points: Sequence[tuple[float, float]], reference: float) -> str:
    """Fill between reference and line where the line lies below it."""
    if not points:
        return ""
    edge = "L".join(f"{x:g} {max(y, reference):.1f}" for x, y in points)
    return f"M{points[0][0]:g} {reference:.1f}L{edge}L{points[-1][0]:g} {reference:.1f}Z"


def _infusions(trend: Trend, place: _Places, words: ChartWords) -> Iterator[tuple[str, str, bool]]:
    """Each infusion with its label, and whether a narrow picture has no room for it between its neighbors' labels.

    Where many lie close, only boosters are named.
    """
    boosters = inductions = 0
    days = [one.day for one in trend.infusions]
    close = [trend.length * _CLOSE > (after - before).days for before, after in pairwise(days)]
    for at, one in enumerate(trend.infusions):
        if one.phase is InfusionPhase.BOOSTER:
            boosters += 1
            named = words.booster.format(number=boosters)
            word = named if trend.length <= _EVERY_INFUSION_UP_TO else f"{named[0]}{boosters}"
        else:
            inductions += 1
            word = "" if trend.length > _EVERY_INFUSION_UP_TO else str(inductions)
        yield place.middle(one.day), word, all(close[at - 1 : at + 1]) and 0 < at < len(close)


def _levels(spans: Sequence[LevelSpan], place: _Places) -> Iterator[tuple[str, str, str, int]]:
    for one in spans:
        code, height = _LEVELS.get(one.level, ("none", 2))
        days = (one.last_day - one.first_day).days + 1
        yield code, place.left(one.first_day), place.width(days), height


def _changed(mark: Mark, words: ChartWords) -> str:
    return f"{words.day_of_year(mark.day)}: {in_language(mark.said, words.locale.language)}"


def _hits(trend: Trend, place: _Places, words: ChartWords) -> Iterator[tuple[str, str, str]]:
    given = {one.day: one.phase for one in trend.infusions}
    reported = {one.day: one for one in trend.days}
    for day in sorted({*given, *reported}):
        one, parts = reported.get(day), []
        for index, domain in enumerate(DOMAINS):
            value = one.values[index] if one else None
            if value is not None:
                parts.append(f"{words.spoken[domain]} {words.count(value)}")
        if one is not None and one.means.sleep_hours is not None:
            parts.append(words.slept.format(hours=words.count(one.means.sleep_hours)))
        if one is not None and one.acute:
            parts.append(words.acute_hit)
        if one is not None and one.late:
            parts.append(words.late)
        if day in given:
            parts.append(words.infusions[given[day]])
        yield place.left(day), place.width(1), f"{words.day_of_year(day)}: {', '.join(parts)}"


def _ticks(trend: Trend) -> list[date]:
    step = max(1, round(trend.length / _TICKS))
    first = trend.last_day - timedelta(days=step // 2)
    days = [first - timedelta(days=step * number) for number in range(_TICKS)]
    return [day for day in days if day >= trend.first_day + timedelta(days=step // 4)]
