"""Signals, for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.alerts.history import read_history
from app.care.alerts.schemas import AlertHistory, AlertStepReply
from app.care.alerts.signals import commands, queries
from app.care.alerts.signals.life import SIGNAL, moment_of
from app.care.alerts.signals.schemas import (
    Reopening,
    SignalClosing,
    SignalFilter,
    SignalList,
    SignalReply,
    Snooze,
)
from app.clinical.episodes import Disposition
from app.context import Work
from app.storage.signals import Signal
from app.web.dependencies import IfMatch, OnlyPatient, PageCursor, PageLimit
from app.web.headers import etag_of, link_next, version_if_sent
from app.web.schemas import PAGE_SIZE, read_id_cursor

router = APIRouter(prefix="/v1", tags=["signals"], route_class=ClinicRoute)
ToRead = Annotated[Work, work_for(Permission.SIGNALS_READ)]
ToHandle = Annotated[Work, work_for(Permission.SIGNALS_HANDLE)]
ToClose = Annotated[Work, work_for(Permission.SIGNALS_CLOSE)]


@router.get("/signals", summary="List signals")
async def list_signals(
    work: ToRead,
    request: Request,
    response: Response,
    state: SignalFilter = SignalFilter.OPEN,
    patient_id: OnlyPatient = None,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> SignalList:
    """List signals, oldest first."""
    listed = await queries.list_signals(
        work, states=state.states, patient_id=patient_id, after=read_id_cursor(after), limit=limit
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SignalList(items=[SignalReply.of(view) for view in await queries.views_of(work, listed)])


@router.get("/signals/{signal_id}", summary="Read a signal")
async def read_signal(signal_id: UUID, work: ToRead, response: Response) -> SignalReply:
    """Give one signal with its whole basis, and an ETag for changing."""
    return await _reply(work, await SIGNAL.read(work, signal_id), response)


@router.get("/signals/{signal_id}/history", summary="Read what was done to a signal")
async def read_signal_history(signal_id: UUID, work: ToRead) -> AlertHistory:
    """Give its steps, oldest first: raised, acknowledged, snoozed, escalated, closed, reopened; when and by whom."""
    steps = await read_history(work, SIGNAL, signal_id)
    return AlertHistory(items=[AlertStepReply.of(step) for step in steps])


@router.post("/signals/{signal_id}/acknowledge", summary="Acknowledge a signal")
async def acknowledge_signal(
    signal_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Note that someone has seen it; a second time changes nothing."""
    signal = await SIGNAL.acknowledge(work, signal_id, version=version_if_sent(if_match))
    return await _reply(work, signal, response)


@router.post("/signals/{signal_id}/unacknowledge", summary="Take an acknowledgement of a signal back")
async def unacknowledge_signal(
    signal_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Let it wait for someone again; its limit starts at once."""
    signal = await SIGNAL.unacknowledge(work, signal_id, version=version_if_sent(if_match))
    return await _reply(work, signal, response)


@router.post("/signals/{signal_id}/snooze", summary="Snooze a signal")
async def snooze_signal(
    signal_id: UUID, body: Snooze, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Put it out of sight for at most 14 days; it returns by itself."""
    until = await moment_of(work, signal_id, body.until)
    signal = await commands.snooze(
        work, signal_id, until=until, reason=body.reason, version=version_if_sent(if_match)
    )
    return await _reply(work, signal, response)


@router.post("/signals/{signal_id}/end-snooze", summary="End a signal's snooze")
async def end_snooze_of_signal(
    signal_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Bring it back at once."""
    signal = await commands.end_snooze(work, signal_id, version=version_if_sent(if_match))
    return await _reply(work, signal, response)


@router.post("/signals/{signal_id}/close", summary="Close a signal")
async def close_signal(
    signal_id: UUID, body: SignalClosing, work: ToClose, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Close it with its outcome."""
    signal = await commands.close(
        work,
        signal_id,
        disposition=Disposition(body.disposition),
        booster_booked_for=body.booster_booked_for,
        note=body.note,
        version=version_if_sent(if_match),
    )
    return await _reply(work, signal, response)


@router.post("/signals/{signal_id}/reopen", summary="Reopen a signal")
async def reopen_signal(
    signal_id: UUID, body: Reopening, work: ToClose, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Open again what was closed by mistake or too early, while the patient has no later signal."""
    signal = await commands.reopen(work, signal_id, reason=body.reason, version=version_if_sent(if_match))
    return await _reply(work, signal, response)


async def _reply(work: Work, signal: Signal, response: Response) -> SignalReply:
    response.headers["etag"] = etag_of(signal.version)
    (view,) = await queries.views_of(work, [signal])
    return SignalReply.of(view)
