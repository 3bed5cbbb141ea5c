"""Two small charts of an evaluation as SVG: how soon losses are found, and what that costs.

Colors follow the reader's light or dark setting; every line also has its own dashes and its name beside
it, so no reader needs color.
"""

from collections.abc import Mapping
from html import escape
from math import isfinite
from string import Template
from typing import Final

from app.studies.measures import LATE_DAYS, SOON_DAYS, Measures

WIDTH: Final = 640
LEFT, RIGHT, TOP, BOTTOM = 48, 225, 24, 284
_DASHES: Final = ("", "8 5", "1 4", "10 5 1 5", "1 8", "16 6")
_PAGE: Final = Template(
    """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" role="img" aria-labelledby="t d">
<title id="t">$title</title>
<desc id="d">$description</desc>
<style>
text { font: 12px system-ui, sans-serif; fill: #222; }
path { fill: none; stroke: #1a5276; stroke-width: 1.6; stroke-linecap: round; }
.first { stroke-width: 3; }
rect { fill: #1a5276; }
line { stroke: #bbb; stroke-width: 1; }
.end { text-anchor: end; }
.mid { text-anchor: middle; }
@media (prefers-color-scheme: dark) {
text { fill: #ddd; } path { stroke: #7fb3d5; } rect { fill: #7fb3d5; } line { stroke: #555; }
}
</style>
$body
</svg>
"""
)


def found_by_day_svg(detectors: Mapping[str, Measures]) -> str:
    """For each detector the share of losses found by each day after the onset, up to day 40."""
    right = WIDTH - RIGHT
    shapes = [_text(LEFT, 14, "share of losses found")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _height(share)
        shapes += [_line(LEFT, y, right, y), _text(LEFT - 6, y + 4, f"{share * 100:.0f} %", "end")]
    for day in (0, SOON_DAYS, 28, LATE_DAYS):
        x = _place(day)
        shapes += [_line(x, TOP, x, BOTTOM), _text(x, BOTTOM + 16, str(day), "mid")]
    shapes.append(_text(_place(LATE_DAYS / 2), BOTTOM + 34, "days after the onset", "mid"))
    for number, (name, measures) in enumerate(detectors.items()):
        drawn = f'stroke-dasharray="{_DASHES[number % len(_DASHES)]}"' + ("" if number else ' class="first"')
        points = " ".join(f"L{_place(day):.1f} {_height(share):.1f}" for day, share in _found(measures))
        shapes.append(f'<path {drawn} d="M{points[1:]}"/>')
        y = TOP + 60 + 22 * number
        shapes.append(f'<path {drawn} d="M{right + 12} {y}h28"/>')
        shapes.append(_text(right + 46, y + 4, name))
    description = "; ".join(
        f"{name}: {share * 100:.0f} % by day {SOON_DAYS}"
        for name, measures in detectors.items()
        for day, share in _found(measures)
        if day == SOON_DAYS
    )
    return _svg("How soon losses are found", description, shapes, BOTTOM + 44)


def false_signals_svg(variants: Mapping[str, Measures]) -> str:
    """For each population the first false signals a patient-year, as bars."""
    rates = {
        name: false.first_a_year
        for name, measures in variants.items()
        if (false := measures.false_signals) and false.first_a_year is not None
    }
    longest = max((value for value in rates.values() if isfinite(value)), default=0.0) or 1.0
    start, room = LEFT + 180, WIDTH - LEFT - 260
    shapes = [_text(start, 14, "first false signals a patient-year")]
    for number, (name, value) in enumerate(rates.items()):
        y = TOP + 26 * number
        length = room * min(1.0, value / longest)
        shapes.append(_text(start - 8, y + 14, name, "end"))
        shapes.append(f'<rect x="{start}" y="{y + 2}" width="{length:.1f}" height="16"/>')
        shapes.append(_text(start + length + 6, y + 14, f"{value:.2f}"))
    description = "; ".join(f"{name}: {value:.2f}" for name, value in rates.items())
    return _svg("False signals by population", description, shapes, TOP + 26 * len(rates) + 8)


def _found(measures: Measures) -> list[tuple[int, float]]:
    """The share found by each day from 0 to 40."""
    to_find = measures.found.to_find if measures.found else 0
    by_day = []
    found = 0
    for day in range(LATE_DAYS + 1):
        found += measures.delays.get(day, 0)
        by_day.append((day, found / to_find if to_find else 0.0))
    return by_day


def _place(day: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * day / LATE_DAYS


def _height(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, place: str = "") -> str:
    styled = f' class="{place}"' if place else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{styled}>{escape(text)}</text>'


def _svg(title: str, description: str, shapes: list[str], height: float) -> str:
    return _PAGE.substitute(
        width=WIDTH,
        height=f"{height:.0f}",
        title=escape(title),
        description=escape(description),
        body="\n".join(shapes),
    )
