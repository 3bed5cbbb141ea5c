"""The table as a file to keep: the same from the API and from a page."""

from fastapi import Response

from app.insights.numbers import Insights
from app.insights.schemas import InsightsReply
from app.insights.table import csv_of


def table_answer(found: Insights) -> Response:
    """Give the numbers as a CSV file, named by its period."""
    period = found.period
    return Response(
        csv_of(InsightsReply.of(found).model_dump(mode="json", by_alias=True)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="insights-{period.first}-{period.end}.csv"'},
    )
