"""Signals, for the care team."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import (
    MayCloseSignals,
    MayHandleSignals,
    MayReadSignals,
)
from app.care.alerts import history, reopening, views
from app.care.alerts import signal_commands as service
from app.care.alerts.schemas import (
    Reopening,
    SignalClosing,
    SignalFilter,
    SignalHistory,
    SignalList,
    SignalReply,
    SignalStepReply,
    Snooze,
)
from app.clinical.episodes import Disposition
from app.context import AppContext
from app.storage.signals import Signal
from app.web.dependencies import ContextNeeded, IfMatch, OnlyPatient
from app.web.etags import etag_of, version_if_sent
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor

router = APIRouter(prefix="/v1", tags=["signals"])


@router.get("/signals", summary="List signals")
async def list_signals(
    context: ContextNeeded,
    caller: MayReadSignals,
    request: Request,
    response: Response,
    state: SignalFilter = SignalFilter.OPEN,
    patient_id: OnlyPatient = None,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> SignalList:
    """List signals, oldest first."""
    listed = await views.list_signals(
        context,
        caller.clinic_id,
        states=state.states,
        patient_id=patient_id,
        after=read_id_cursor(after),
        limit=limit,
        actor=caller.actor,
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SignalList(items=await _replies(context, caller.clinic_id, *listed))


@router.get("/signals/{signal_id}", summary="Read a signal")
async def read_signal(
    signal_id: UUID, context: ContextNeeded, caller: MayReadSignals, response: Response
) -> SignalReply:
    """Give one signal with its whole basis, and an ETag for changing."""
    signal = await views.read_signal(context, caller.clinic_id, signal_id, actor=caller.actor)
    return await _reply(context, caller.clinic_id, signal, response)


@router.get("/signals/{signal_id}/history", summary="Read what was done to a signal")
async def read_signal_history(
    signal_id: UUID, context: ContextNeeded, caller: MayReadSignals
) -> SignalHistory:
    """Give its steps, oldest first: raised, acknowledged, snoozed, escalated, closed, reopened; when and by whom."""
    steps = await history.read_history(context, caller.clinic_id, signal_id, actor=caller.actor)
    return SignalHistory(items=[SignalStepReply.of(step) for step in steps])


@router.post("/signals/{signal_id}/acknowledge", summary="Acknowledge a signal")
async def acknowledge_signal(
    signal_id: UUID,
    context: ContextNeeded,
    caller: MayHandleSignals,
    response: Response,
    if_match: IfMatch = None,
) -> SignalReply:
    """Note that somebody has seen it; a second time changes nothing."""
    signal = await service.acknowledge(
        context, caller.clinic_id, signal_id, version=version_if_sent(if_match), actor=caller.actor
    )
    return await _reply(context, caller.clinic_id, signal, response)


@router.post("/signals/{signal_id}/snooze", summary="Snooze a signal")
async def snooze_signal(
    signal_id: UUID,
    body: Snooze,
    context: ContextNeeded,
    caller: MayHandleSignals,
    response: Response,
    if_match: IfMatch = None,
) -> SignalReply:
    """Put it out of sight for at most 14 days; it returns by itself."""
    signal = await service.snooze(
        context,
        caller.clinic_id,
        signal_id,
        until=body.until,
        reason=body.reason,
        version=version_if_sent(if_match),
        actor=caller.actor,
    )
    return await _reply(context, caller.clinic_id, signal, response)


@router.post("/signals/{signal_id}/close", summary="Close a signal")
async def close_signal(
    signal_id: UUID,
    body: SignalClosing,
    context: ContextNeeded,
    caller: MayCloseSignals,
    response: Response,
    if_match: IfMatch = None,
) -> SignalReply:
    """Close it with what came of it."""
    signal = await service.close(
        context,
        caller.clinic_id,
        signal_id,
        disposition=Disposition(body.disposition),
        booster_booked_for=body.booster_booked_for,
        note=body.note,
        version=version_if_sent(if_match),
        actor=caller.actor,
    )
    return await _reply(context, caller.clinic_id, signal, response)


@router.post("/signals/{signal_id}/reopen", summary="Reopen a signal")
async def reopen_signal(
    signal_id: UUID,
    body: Reopening,
    context: ContextNeeded,
    caller: MayCloseSignals,
    response: Response,
    if_match: IfMatch = None,
) -> SignalReply:
    """Open again what was closed by mistake or too early, while the patient has no later signal."""
    signal = await reopening.reopen(
        context,
        caller.clinic_id,
        signal_id,
        reason=body.reason,
        version=version_if_sent(if_match),
        actor=caller.actor,
    )
    return await _reply(context, caller.clinic_id, signal, response)


async def _reply(context: AppContext, clinic_id: UUID, signal: Signal, response: Response) -> SignalReply:
    response.headers["etag"] = etag_of(signal.version)
    (reply,) = await _replies(context, clinic_id, signal)
    return reply


async def _replies(context: AppContext, clinic_id: UUID, *signals: Signal) -> list[SignalReply]:
    return [SignalReply.of(view) for view in await views.views_of(context, clinic_id, signals)]
