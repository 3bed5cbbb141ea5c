"""Safety events, for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.alerts.history import read_history
from app.care.alerts.safety_events import commands, queries
from app.care.alerts.safety_events.life import SAFETY_EVENT
from app.care.alerts.safety_events.schemas import (
    SafetyClosing,
    SafetyEventList,
    SafetyEventReply,
)
from app.care.alerts.schemas import AlertFilter, AlertHistory, AlertStepReply
from app.context import Work
from app.storage.safety_events import SafetyEvent
from app.web.dependencies import IfMatch, OnlyPatient, PageCursor, PageLimit
from app.web.headers import etag_of, link_next, version_if_sent
from app.web.schemas import PAGE_SIZE, read_id_cursor

router = APIRouter(prefix="/v1", tags=["safety"], route_class=ClinicRoute)
ToRead = Annotated[Work, work_for(Permission.SAFETY_READ)]
ToHandle = Annotated[Work, work_for(Permission.SAFETY_HANDLE)]
ToClose = Annotated[Work, work_for(Permission.SAFETY_CLOSE)]


@router.get("/safety-events", summary="List safety events")
async def list_safety_events(
    work: ToRead,
    request: Request,
    response: Response,
    state: AlertFilter = AlertFilter.OPEN,
    patient_id: OnlyPatient = None,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> SafetyEventList:
    """List safety events, oldest first."""
    listed = await queries.list_events(
        work, states=state.states, patient_id=patient_id, after=read_id_cursor(after), limit=limit
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SafetyEventList(items=[SafetyEventReply.of(event) for event in listed])


@router.get("/safety-events/{event_id}", summary="Read a safety event")
async def read_safety_event(event_id: UUID, work: ToRead, response: Response) -> SafetyEventReply:
    """Give one safety event with all its times, and an ETag for changing."""
    return _reply(await SAFETY_EVENT.read(work, event_id), response)


@router.get("/safety-events/{event_id}/history", summary="Read what was done to a safety event")
async def read_safety_event_history(event_id: UUID, work: ToRead) -> AlertHistory:
    """Give its steps, oldest first: reported, escalated, acknowledged, closed; when and by whom."""
    steps = await read_history(work, SAFETY_EVENT, event_id)
    return AlertHistory(items=[AlertStepReply.of(step) for step in steps])


@router.post("/safety-events/{event_id}/acknowledge", summary="Acknowledge a safety event")
async def acknowledge_safety_event(
    event_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Note who acknowledged it; a second time changes nothing."""
    event = await SAFETY_EVENT.acknowledge(work, event_id, version=version_if_sent(if_match))
    return _reply(event, response)


@router.post(
    "/safety-events/{event_id}/unacknowledge", summary="Take an acknowledgement of a safety event back"
)
async def unacknowledge_safety_event(
    event_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Let it wait for someone again: its limit starts at once, its history stays."""
    event = await SAFETY_EVENT.unacknowledge(work, event_id, version=version_if_sent(if_match))
    return _reply(event, response)


@router.post("/safety-events/{event_id}/close", summary="Close a safety event")
async def close_safety_event(
    event_id: UUID, body: SafetyClosing, work: ToClose, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Close it with its outcome."""
    event = await commands.close(
        work,
        event_id,
        outcome=body.outcome,
        contact_made_at=body.contact_made_at,
        version=version_if_sent(if_match),
    )
    return _reply(event, response)


def _reply(event: SafetyEvent, response: Response) -> SafetyEventReply:
    response.headers["etag"] = etag_of(event.version)
    return SafetyEventReply.of(event)
