"""Safety events, for the care team."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import MayCloseSafety, MayHandleSafety, MayReadSafety
from app.care.alerts import safety_commands as safety_care
from app.care.alerts.schemas import SafetyClosing, SafetyEventList, SafetyEventReply, SafetyFilter
from app.storage.safety_events import SafetyEvent
from app.web.dependencies import ContextNeeded, IfMatch, OnlyPatient
from app.web.etags import etag_of, version_if_sent
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor

router = APIRouter(prefix="/v1", tags=["safety"])


@router.get("/safety-events", summary="List safety events")
async def list_safety_events(
    context: ContextNeeded,
    caller: MayReadSafety,
    request: Request,
    response: Response,
    state: SafetyFilter = SafetyFilter.OPEN,
    patient_id: OnlyPatient = None,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> SafetyEventList:
    """List safety events, oldest first."""
    listed = await safety_care.list_events(
        context,
        caller.clinic_id,
        states=state.states,
        patient_id=patient_id,
        after=read_id_cursor(after),
        limit=limit,
        actor=caller.actor,
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SafetyEventList(items=[SafetyEventReply.of(event) for event in listed])


@router.get("/safety-events/{event_id}", summary="Read a safety event")
async def read_safety_event(
    event_id: UUID, context: ContextNeeded, caller: MayReadSafety, response: Response
) -> SafetyEventReply:
    """Give one safety event with all its times, and an ETag for changing."""
    event = await safety_care.read_event(context, caller.clinic_id, event_id, actor=caller.actor)
    return _safety_reply(event, response)


@router.post("/safety-events/{event_id}/acknowledge", summary="Acknowledge a safety event")
async def acknowledge_safety_event(
    event_id: UUID,
    context: ContextNeeded,
    caller: MayHandleSafety,
    response: Response,
    if_match: IfMatch = None,
) -> SafetyEventReply:
    """Note who took it up; a second time changes nothing."""
    event = await safety_care.acknowledge(
        context, caller.clinic_id, event_id, version=version_if_sent(if_match), actor=caller.actor
    )
    return _safety_reply(event, response)


@router.post("/safety-events/{event_id}/close", summary="Close a safety event")
async def close_safety_event(
    event_id: UUID,
    body: SafetyClosing,
    context: ContextNeeded,
    caller: MayCloseSafety,
    response: Response,
    if_match: IfMatch = None,
) -> SafetyEventReply:
    """Close it with its outcome."""
    event = await safety_care.close(
        context,
        caller.clinic_id,
        event_id,
        outcome=body.outcome,
        contact_made_at=body.contact_made_at,
        version=version_if_sent(if_match),
        actor=caller.actor,
    )
    return _safety_reply(event, response)


def _safety_reply(event: SafetyEvent, response: Response) -> SafetyEventReply:
    response.headers["etag"] = etag_of(event.version)
    return SafetyEventReply.of(event)
