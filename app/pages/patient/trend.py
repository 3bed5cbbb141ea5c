"""The person's own trend as a page shows it: the picture, and the same numbers as a table. It evaluates nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from markupsafe import Markup

from app.care.monitoring.trend import Days, trend_of_patient
from app.chart.description import trend_table
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.clinical.check_ins import check_in_day
from app.foundation.logs import where
from app.pages.patient.visitor import Visitor

# Two weeks after sending; what the history offers.
TWO_WEEKS: Final = 14
RANGES: Final = (TWO_WEEKS, 30, 90)
# Fewer make no line.
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrend:
    """A trend in a picture and in words.

    Attributes:
        days: how many days it covers.
        with_table: whether the same numbers follow as a table.
        check_in_days: on how many of them there was a check-in.
        picture: empty while there are too few for a line.
    """

    days: int
    with_table: bool
    check_in_days: int
    picture: Markup
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


async def own_trend(visitor: Visitor, days: int, *, with_table: bool = True) -> ShownTrend:
    """Draw the signed-in patient's last days; without the table where the page lists the same days."""
    caller = visitor.signed_in
    first = check_in_day(visitor.work.now, caller.time_zone) - timedelta(days=days - 1)
    trend = await trend_of_patient(
        visitor.work,
        caller.patient_id,
        Days(first=first, last=first + timedelta(days=days - 1)),
        reader=Reader.PATIENT,
    )
    words = chart_words(visitor.language)
    table = trend_table(trend, words)
    drawn = len(trend.days) >= _FEWEST
    return ShownTrend(
        days=days,
        with_table=with_table,
        check_in_days=len(trend.days),
        picture=Markup(draw_trend(trend, words, width=Width.COMPACT) if drawn else ""),  # noqa: S704 - made by our own template, which escapes
        caption=table.caption,
        columns=table.columns,
        rows=table.rows,
    )


async def trend_after_sending(visitor: Visitor) -> ShownTrend | None:
    """Draw two weeks for the thank-you page; what is kept is kept, also when they cannot be drawn."""
    try:
        return await own_trend(visitor, TWO_WEEKS)
    except Exception as error:  # noqa: BLE001 - nobody should read "could not be kept" for want of a picture
        structlog.get_logger().error("trend.failed", error_type=type(error).__name__, error_at=where(error))
        await visitor.work.start_over()
        return None
