"""The clinic's figures in a browser, and as the same table that the API gives."""

from typing import Annotated

from fastapi import APIRouter, Response

from app.access.clinics.permissions import Permission
from app.care.insights.routes import table_answer
from app.pages.staff.figures_page import figures_page, read_period
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadFigures = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS)]


@router.get("/insights")
async def show_figures(
    context: ContextNeeded, visitor: MayReadFigures, first: str = "", end: str = ""
) -> Response:
    """Show what alerts were worth and how patients fared."""
    return await figures_page(context, visitor, first, end)


@router.get("/insights.csv")
async def figures_table(
    context: ContextNeeded, visitor: MayReadFigures, first: str = "", end: str = ""
) -> Response:
    """Give the same as a table."""
    answer = table_answer(await read_period(context, visitor, first, end))
    answer.headers["cache-control"] = "no-store"
    return answer
