"""A patient's own page for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_access import MayRead
from app.pages.staff.patient_explanation import NOTICES
from app.pages.staff.patient_page import SPANS, values_of
from app.pages.staff.patient_view import patient_view
from app.pages.staff.rendering import render
from app.pages.staff.worklist_page import step_notice
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
Text = Annotated[str, Query(max_length=40)]


@router.get("/{patient_id}")
async def show_patient(
    patient_id: UUID,
    request: Request,
    context: ContextNeeded,
    visitor: MayRead,
    days: Text = "",
    notice: Text = "",
) -> Response:
    """Show everything about a patient; a span that is not offered is the usual one."""
    span = next((length for length, _ in SPANS if str(length) == days), None)
    view = await patient_view(
        visitor.work, patient_id, days=span, with_audit_log=visitor.signed_in.may(Permission.AUDIT)
    )
    return render(
        context,
        visitor,
        "patient.html",
        here="/care/patients",
        notice=NOTICES.get(notice, ""),
        step_notice=step_notice(request.query_params),
        **values_of(view, visitor, days=span),
    )
