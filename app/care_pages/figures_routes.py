"""The clinic's figures in a browser, and as the same table that the API gives."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.care_pages.figures_page import figures_page, read_period
from app.care_pages.page_route import CarePageRoute
from app.care_pages.visitor import StaffVisitor, staff_may
from app.clinics.permissions import Permission
from app.insights.routes import table_answer
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadFigures = Annotated[StaffVisitor, Depends(staff_may(Permission.INSIGHTS))]


@router.get("/insights")
async def show_figures(
    equipment: EquipmentNeeded, visitor: MayReadFigures, first: str = "", end: str = ""
) -> Response:
    """Show what alerts were worth and how patients fared."""
    return await figures_page(equipment, visitor, first, end)


@router.get("/insights.csv")
async def figures_table(
    equipment: EquipmentNeeded, visitor: MayReadFigures, first: str = "", end: str = ""
) -> Response:
    """Give the same as a table."""
    answer = table_answer(await read_period(equipment, visitor, first, end))
    answer.headers["cache-control"] = "no-store"
    return answer
