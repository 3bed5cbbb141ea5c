"""Patients opened in an emergency: by a member who otherwise may not, read by the owners."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import MayOpenInEmergency, staff_work_for, work_for
from app.access.clinics.permissions import Permission
from app.access.staff import emergencies, queries
from app.access.staff.schemas import EmergencyEntry, EmergencyList, OpenedReply
from app.context import Work
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor

router = APIRouter(prefix="/v1/patients/{patient_id}/emergency-access", tags=["staff"])
list_router = APIRouter(prefix="/v1/emergency-accesses", tags=["staff"])


@router.post("", status_code=201, summary="Open a patient in an emergency")
async def open_in_emergency(
    patient_id: UUID,
    body: EmergencyEntry,
    work: Annotated[Work, staff_work_for(Permission.EMERGENCY)],
    caller: MayOpenInEmergency,
) -> OpenedReply:
    """Open a patient for an hour to the member who asks, with a reason; every owner is notified."""
    access = await emergencies.open_patient(work, patient_id, reason=body.reason, staff_id=caller.id)
    return OpenedReply.of(access)


@list_router.get("", summary="List emergency accesses")
async def list_emergency_accesses(
    work: Annotated[Work, work_for(Permission.AUDIT)],
    request: Request,
    response: Response,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> EmergencyList:
    """List who opened whom, when and why, newest first."""
    found = await queries.list_emergencies(work, before=read_id_cursor(after), limit=limit)
    link_next(request, response, str(found[-1].id) if len(found) == limit else None)
    return EmergencyList.of_all(found)
