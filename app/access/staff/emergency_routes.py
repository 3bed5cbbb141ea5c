"""Patients opened in an emergency: by a member who otherwise may not, read by the owners."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import MayOpenInEmergency, MayReadTrail
from app.access.staff import emergencies
from app.access.staff.schemas import EmergencyEntry, EmergencyList, OpenedReply
from app.web.dependencies import ContextNeeded
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor

router = APIRouter(prefix="/v1/patients/{patient_id}/emergency-access", tags=["staff"])
list_router = APIRouter(prefix="/v1/emergency-accesses", tags=["staff"])


@router.post("", status_code=201, summary="Open a patient in an emergency")
async def open_in_emergency(
    patient_id: UUID, body: EmergencyEntry, context: ContextNeeded, caller: MayOpenInEmergency
) -> OpenedReply:
    """Open a patient for an hour to the member who asks, with a reason; every owner is told."""
    access = await emergencies.open_patient(
        context,
        caller.clinic_id,
        patient_id,
        reason=body.reason,
        staff_id=caller.id,
        actor=caller.actor,
    )
    return OpenedReply.of(access)


@list_router.get("", summary="List emergency accesses")
async def list_emergency_accesses(
    context: ContextNeeded,
    caller: MayReadTrail,
    request: Request,
    response: Response,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> EmergencyList:
    """List who opened whom, when and why, newest first."""
    found = await emergencies.list_emergencies(
        context, caller.clinic_id, before=read_id_cursor(after), limit=limit, actor=caller.actor
    )
    link_next(request, response, str(found[-1].id) if len(found) == limit else None)
    return EmergencyList.of_all(found)
