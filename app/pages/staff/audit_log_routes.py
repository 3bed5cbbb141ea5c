"""Looking through the audit trail in a browser."""

from typing import Annotated

from fastapi import APIRouter, Response

from app.access.clinics.permissions import Permission
from app.pages.staff.audit_log_page import Asked, trail_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayLookThroughTrail = Annotated[StaffVisitor, staff_may(Permission.AUDIT)]


@router.get("/trail")
async def show_trail(
    context: ContextNeeded,
    visitor: MayLookThroughTrail,
    actor: str = "",
    patient: str = "",
    action: str = "",
    first: str = "",
    last: str = "",
    after: str = "",
) -> Response:
    """Show who did and read what, newest first."""
    asked = Asked(actor=actor, patient=patient, action=action, first=first, last=last)
    return await trail_page(context, visitor, asked, after)
