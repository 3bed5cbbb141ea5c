"""Drawing a trend: everything is put in its place here, and written down by one template."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.chart.description import LINE, Key, describe_trend, legend_of
from app.chart.layout import LAYOUTS, Layout, Ruler, Width, buckets_for, short, text_width, ticks
from app.chart.panels import (
    LEVEL_HEIGHTS,
    Panel,
    TotalsLine,
    infusion_places,
    level_bars,
    mark_rows,
    panel_of,
    totals_rows,
)
from app.chart.trend import Reader, Trend
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS

STYLE: Final = Path(__file__).with_name("trend.css").read_text(encoding="utf-8")
STYLE_SOURCE: Final = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
"""For `style-src` of a page that shows a chart in its own markup, and of a chart that is opened alone."""


MOST_BYTES: Final = 50_000
_PREFIX: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")
# XML cannot carry these at all, not even written as numbers.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
).get_template("trend.svg.jinja")
_SMALLEST_MARK, _LARGEST_MARK = 4.5, 11.0
_INFUSIONS_HEIGHT, _AXIS_HEIGHT, _LEVELS_HEIGHT = 14, 30, 56


class PrefixNotUsableError(ValueError):
    """The prefix of a chart's ids is a small letter, then small letters, digits and hyphens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chart:
    """What the template draws, every place already known."""

    prefix: str
    language: str
    title: str
    description: str
    style: str
    span: str
    width: int
    height: int
    text: int
    small: int
    margin: int
    left: int
    right: int
    plot_width: int
    mark: str
    panels: Sequence[Panel]
    has_baseline: bool
    ticks: Sequence[tuple[str, str, str]]
    axis: int
    inductions: Sequence[str]
    boosters: Sequence[str]
    infusions_at: int
    through: str
    nothing: str
    nothing_at: int
    levels: Mapping[str, str]
    levels_heading: int
    levels_base: int
    level_sentence: str
    sign_heights: Mapping[str, int]
    totals: Sequence[TotalsLine]
    legend: Sequence[Key]


def draw_trend(
    trend: Trend,
    words: ChartWords,
    *,
    width: Width = Width.WIDE,
    reader: Reader = Reader.PATIENT,
    prefix: str = "trend",
) -> str:
    """A trend as SVG, below 50 kB however long it is.

    Args:
        trend: what to draw.
        words: in which language.
        width: for a phone's column or for a page.
        reader: a patient's chart has no levels and no totals, even if the trend has.
        prefix: begins the chart's ids; charts that stand on one page need different ones.

    Raises:
        PrefixNotUsableError: it cannot begin an id.
    """
    if not _PREFIX.fullmatch(prefix):
        raise PrefixNotUsableError(PrefixNotUsableError.__doc__)
    seen, drawn = trend.seen_by(reader), ""
    layout = _layout(seen, LAYOUTS[width])
    for bucket in buckets_for(trend.length, most_days=layout.most_days, most_marks=layout.most_marks):
        chart = _placed(seen, words, layout, prefix, bucket)
        drawn = _NOT_XML.sub("", _TEMPLATE.render(chart=chart))
        if len(drawn.encode()) < MOST_BYTES:
            break
    return drawn


def _layout(trend: Trend, layout: Layout) -> Layout:
    """Where nothing is named beside the plots, they take that room."""
    named = trend.baseline or trend.reference or trend.totals or trend.changes or trend.notes
    return layout if named else replace(layout, right=layout.right_alone)


def _placed(trend: Trend, words: ChartWords, layout: Layout, prefix: str, bucket: int) -> _Chart:
    """Put one thing below the other."""
    ruler = Ruler(first_day=trend.first_day, length=trend.length, layout=layout)
    infusions_at = 34 + _INFUSIONS_HEIGHT
    panels = _panels(trend, ruler, words, bucket, top=infusions_at + 4 if trend.infusions else 32)
    axis = panels[-1].bottom
    levels_base = axis + _AXIS_HEIGHT + (_LEVELS_HEIGHT if trend.levels else 0)
    totals = totals_rows(trend.totals, ruler, words, top=levels_base)
    totals += mark_rows(trend, ruler, words, top=totals[-1].y if totals else levels_base)
    legend_top = (totals[-1].y if totals else levels_base) + 28
    legend = legend_of(trend, words, layout, top=legend_top, bucket=bucket)
    bars = level_bars(trend.levels, ruler, base=levels_base)
    spacing = layout.plot_width * bucket / ruler.length
    return _Chart(
        prefix=prefix,
        language=str(words.locale).replace("_", "-"),
        title=words.title,
        description=describe_trend(trend, words, reader=Reader.CLINICIAN),
        style=Markup(STYLE),  # noqa: S704 - our own file, without anything filled in
        span=words.span(trend.first_day, trend.last_day),
        width=layout.width,
        height=(legend[-1].y if legend else legend_top - LINE) + 16,
        text=layout.text,
        small=layout.small,
        margin=layout.left,
        left=layout.left,
        right=layout.plot_right,
        plot_width=layout.plot_width,
        mark=short(min(max(spacing * 1.1, _SMALLEST_MARK), _LARGEST_MARK)),
        panels=panels,
        has_baseline=trend.baseline is not None,
        ticks=_ticks(trend, ruler, words),
        axis=axis,
        inductions=[short(x) for x in infusion_places(trend.infusions, InfusionPhase.INDUCTION, ruler)],
        boosters=[short(x) for x in infusion_places(trend.infusions, InfusionPhase.BOOSTER, ruler)],
        infusions_at=infusions_at,
        through=_through(panels),
        nothing="" if trend.days else words.nothing,
        nothing_at=(panels[1].top + panels[1].bottom) // 2,
        levels={level.value: path for level, path in bars.items()},
        levels_heading=levels_base - max(LEVEL_HEIGHTS.values()) - 8,
        levels_base=levels_base,
        level_sentence=_level_sentence(trend, words),
        sign_heights={level.value: round(height * 0.45) for level, height in LEVEL_HEIGHTS.items()},
        totals=totals,
        legend=legend,
    )


def _panels(trend: Trend, ruler: Ruler, words: ChartWords, bucket: int, *, top: int) -> list[Panel]:
    panels: list[Panel] = []
    for index in range(len(DOMAINS)):
        begin = panels[-1].bottom + 10 if panels else top
        panels.append(panel_of(trend, index, top=begin, ruler=ruler, words=words, bucket=bucket))
    return panels


def _through(panels: Sequence[Panel]) -> str:
    """The way of an infusion's line down through the plots, without the headings between them."""
    heights = [f"v{panel.bottom - panel.top}" for panel in panels]
    between = f"m0,{panels[1].top - panels[0].bottom}"
    return between.join(heights)


def _ticks(trend: Trend, ruler: Ruler, words: ChartWords) -> list[tuple[str, str, str]]:
    """Where each stands, its text, and how the text hangs on it: never beyond the picture's edge."""
    layout, placed = ruler.layout, []
    for tick in ticks(trend.first_day, trend.last_day, most=layout.most_ticks, words=words):
        x = ruler.x(tick.day.toordinal())
        half = text_width(tick.label, layout.small) / 2
        beyond = x + half > layout.width - 4
        placed.append((short(x), tick.label, "end" if beyond else "middle"))
    return placed


def _level_sentence(trend: Trend, words: ChartWords) -> str:
    if not trend.levels:
        return ""
    last = trend.levels[-1]
    return f"{words.level}: {words.levels[last.level]}"
