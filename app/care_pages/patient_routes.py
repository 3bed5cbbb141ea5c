"""A patient's own page for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.care_pages.page_route import CarePageRoute
from app.care_pages.patient_access import MayRead
from app.care_pages.patient_page import SPANS, values_of
from app.care_pages.patient_told import TOLD
from app.care_pages.patient_view import patient_view
from app.care_pages.rendering import render
from app.clinics.permissions import Permission
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
Text = Annotated[str, Query(max_length=40)]


@router.get("/{patient_id}")
async def show_patient(
    patient_id: UUID, equipment: EquipmentNeeded, visitor: MayRead, days: Text = "", told: Text = ""
) -> Response:
    """Show everything about a patient; a span that is not offered is the usual one."""
    caller = visitor.signed_in
    span = next((length for length, _ in SPANS if str(length) == days), None)
    view = await patient_view(
        equipment,
        caller.clinic_id,
        patient_id,
        days=span,
        with_trail=caller.may(Permission.AUDIT),
        actor=caller.actor,
    )
    values = values_of(view, equipment.vault, caller.clinic_id, days=span)
    return render(equipment, visitor, "patient.html", here="", told=TOLD.get(told, ""), **values)
