"""The person's own trend as a page shows it: the picture, and the same numbers as a table. It judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from markupsafe import Markup

from app.care.monitoring.trend import Days, trend_of_patient
from app.chart.description import trend_table
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.foundation.logs import where
from app.pages.patient.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrend:
    """A trend in a picture and in words."""

    picture: Markup
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


async def own_trend(visitor: Visitor) -> ShownTrend | None:
    """Draw the signed-in patient's last three months; None when nothing was reported or given in them."""
    caller = visitor.signed_in
    trend = await trend_of_patient(visitor.work, caller.patient_id, Days(), reader=Reader.PATIENT)
    if not trend.days and not trend.infusions:
        return None
    words = chart_words(visitor.language)
    table = trend_table(trend, words)
    return ShownTrend(
        picture=Markup(draw_trend(trend, words, width=Width.COMPACT)),  # noqa: S704 - made by our own template, which escapes
        caption=table.caption,
        columns=table.columns,
        rows=table.rows,
    )


async def trend_after_sending(visitor: Visitor) -> ShownTrend | None:
    """Draw the trend for the thank-you page; what is kept is kept, also when it cannot be drawn."""
    try:
        return await own_trend(visitor)
    except Exception as error:  # noqa: BLE001 - nobody should read "could not be kept" for want of a picture
        structlog.get_logger().error("trend.failed", error_type=type(error).__name__, error_at=where(error))
        await visitor.work.start_over()
        return None
