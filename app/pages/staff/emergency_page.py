"""Opening a patient in an emergency: why, and then until when."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.access.staff import emergencies
from app.access.staff.emergencies import LONGEST_REASON, SHORTEST_REASON
from app.care.patients.queries import read_patient
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import moment_and_ago

router = APIRouter(
    prefix="/care/patients/{patient_id}/emergency", route_class=CarePageRoute, include_in_schema=False
)
MayOpenInEmergency = Annotated[StaffVisitor, staff_may(Permission.EMERGENCY)]


@router.get("")
async def show_emergency(patient_id: UUID, visitor: MayOpenInEmergency) -> Response:
    """Ask why; while the patient is open, say until when."""
    return await _page(visitor, patient_id)


@router.post("")
async def open_patient(patient_id: UUID, visitor: MayOpenInEmergency) -> Response:
    """Open the patient for an hour."""
    form, caller = await read_own_form(visitor), visitor.signed_in
    reason = form["reason"].strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        return await _page(visitor, patient_id, reason=reason, is_wrong=True)
    await emergencies.open_patient(visitor.work, patient_id, reason=reason, staff_id=caller.id)
    return RedirectResponse(f"/care/patients/{patient_id}/emergency", 303)


async def _page(
    visitor: StaffVisitor, patient_id: UUID, *, reason: str = "", is_wrong: bool = False
) -> Response:
    now = visitor.context.clock.now()
    patient = await read_patient(visitor.work, patient_id)
    ends_at = await emergencies.open_until(visitor.work, visitor.emergency)
    return render(
        visitor,
        "emergency.html",
        here="/care/patients",
        status=422 if is_wrong else 200,
        patient=patient,
        until=moment_and_ago(ends_at, now) if ends_at else "",
        reason=reason,
        is_wrong=is_wrong,
        longest=LONGEST_REASON,
    )
