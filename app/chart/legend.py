"""What each sign means, below the chart; only of signs that are in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.chart.layout import Layout, text_width
from app.chart.strips import LEVEL_HEIGHTS
from app.chart.trend import Trend
from app.chart.wording import ChartWords
from app.clinical.levels import Level

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
    for sign, text in _signs(trend, words, bucket):
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
