"""One domain's panel: its bands, its marks and the lines between neighbours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.chart.layout import Layout, Ruler, Scale, point, short
from app.chart.thinning import Mark, marks_of, runs_of
from app.chart.trend import Band, Trend
from app.chart.wording import ChartWords
from app.clinical.domains import DOMAINS, HIGHEST, LOWEST

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
