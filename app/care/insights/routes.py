"""A clinic's numbers over a period, as JSON and as a table."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.insights import queries
from app.care.insights.numbers import Insights
from app.care.insights.queries import csv_of
from app.care.insights.schemas import InsightsReply
from app.context import Work
from app.web.schemas import Day

router = APIRouter(prefix="/v1", tags=["insights"])
ReadsInsights = Annotated[Work, work_for(Permission.INSIGHTS, may_be_old=True)]
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}
First = Annotated[
    Day | None,
    Query(alias="from", description="The first day of the period; without it 90 days before its end"),
]
End = Annotated[
    Day | None,
    Query(
        alias="to",
        description="The first day after the period, by the clinic's clock at most tomorrow; without it tomorrow",
    ),
]


@router.get("/insights", summary="Read the clinic's numbers over a period")
async def read_insights(work: ReadsInsights, first: First = None, end: End = None) -> InsightsReply:
    """Count what alerts were worth and how patients fared; see docs/insights.md for what each number means."""
    found = await queries.read_insights(work, first=first, end=end)
    return InsightsReply.of(found)


@router.get("/insights.csv", summary="Get these numbers as a table", response_class=Response, responses=_CSV)
async def insights_table(work: ReadsInsights, first: First = None, end: End = None) -> Response:
    """Give the same numbers as CSV: a line for each, named by its way through the JSON document."""
    found = await queries.read_insights(work, first=first, end=end)
    return table_answer(found)


def table_answer(found: Insights) -> Response:
    """Give the numbers as a CSV file, named by its period: the same here and through the page."""
    period = found.period
    return Response(
        csv_of(InsightsReply.of(found).model_dump(mode="json", by_alias=True)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="insights-{period.first}-{period.end}.csv"'},
    )
