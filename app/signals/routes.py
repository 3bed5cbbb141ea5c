"""Signals and safety events, for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.clinical.signals import Disposition
from app.clinics.access import (
    MayCloseSafety,
    MayCloseSignals,
    MayHandleSafety,
    MayHandleSignals,
    MayReadSafety,
    MayReadSignals,
)
from app.signals import safety_care, service, views
from app.signals.schemas import (
    SafetyClosing,
    SafetyEventList,
    SafetyEventReply,
    SafetyFilter,
    SignalClosing,
    SignalFilter,
    SignalList,
    SignalReply,
    Snooze,
)
from app.storage.signals import Signal
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor

router = APIRouter(prefix="/v1", tags=["signals"])
safety_router = APIRouter(prefix="/v1", tags=["safety"])
OnlyPatient = Annotated[UUID | None, Query(description="Only this patient's")]


@router.get("/signals", summary="List signals")
async def list_signals(
    equipment: EquipmentNeeded,
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
        equipment,
        caller.clinic_id,
        states=state.states,
        patient_id=patient_id,
        after=read_id_cursor(after),
        limit=limit,
        actor=caller.actor,
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SignalList(items=await _replies(equipment, caller.clinic_id, *listed))


@router.get("/signals/{signal_id}", summary="Read a signal")
async def read_signal(signal_id: UUID, equipment: EquipmentNeeded, caller: MayReadSignals) -> SignalReply:
    """Give one signal with its whole basis."""
    signal = await views.read_signal(equipment, caller.clinic_id, signal_id, actor=caller.actor)
    (reply,) = await _replies(equipment, caller.clinic_id, signal)
    return reply


@router.post("/signals/{signal_id}/acknowledge", summary="Acknowledge a signal")
async def acknowledge_signal(
    signal_id: UUID, equipment: EquipmentNeeded, caller: MayHandleSignals
) -> SignalReply:
    """Note that somebody has seen it; a second time changes nothing."""
    signal = await service.acknowledge(equipment, caller.clinic_id, signal_id, actor=caller.actor)
    (reply,) = await _replies(equipment, caller.clinic_id, signal)
    return reply


@router.post("/signals/{signal_id}/snooze", summary="Snooze a signal")
async def snooze_signal(
    signal_id: UUID, body: Snooze, equipment: EquipmentNeeded, caller: MayHandleSignals
) -> SignalReply:
    """Put it out of sight for at most 14 days; it returns by itself."""
    signal = await service.snooze(
        equipment, caller.clinic_id, signal_id, until=body.until, actor=caller.actor
    )
    (reply,) = await _replies(equipment, caller.clinic_id, signal)
    return reply


@router.post("/signals/{signal_id}/close", summary="Close a signal")
async def close_signal(
    signal_id: UUID, body: SignalClosing, equipment: EquipmentNeeded, caller: MayCloseSignals
) -> SignalReply:
    """Close it with what came of it."""
    signal = await service.close(
        equipment,
        caller.clinic_id,
        signal_id,
        disposition=Disposition(body.disposition),
        booster_booked_for=body.booster_booked_for,
        note=body.note,
        actor=caller.actor,
    )
    (reply,) = await _replies(equipment, caller.clinic_id, signal)
    return reply


@safety_router.get("/safety-events", summary="List safety events")
async def list_safety_events(
    equipment: EquipmentNeeded,
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
        equipment,
        caller.clinic_id,
        states=state.states,
        patient_id=patient_id,
        after=read_id_cursor(after),
        limit=limit,
        actor=caller.actor,
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return SafetyEventList(items=[SafetyEventReply.of(event) for event in listed])


@safety_router.get("/safety-events/{event_id}", summary="Read a safety event")
async def read_safety_event(
    event_id: UUID, equipment: EquipmentNeeded, caller: MayReadSafety
) -> SafetyEventReply:
    """Give one safety event with all its times."""
    return SafetyEventReply.of(
        await safety_care.read_event(equipment, caller.clinic_id, event_id, actor=caller.actor)
    )


@safety_router.post("/safety-events/{event_id}/acknowledge", summary="Acknowledge a safety event")
async def acknowledge_safety_event(
    event_id: UUID, equipment: EquipmentNeeded, caller: MayHandleSafety
) -> SafetyEventReply:
    """Note who took it up; a second time changes nothing."""
    return SafetyEventReply.of(
        await safety_care.acknowledge(equipment, caller.clinic_id, event_id, actor=caller.actor)
    )


@safety_router.post("/safety-events/{event_id}/close", summary="Close a safety event")
async def close_safety_event(
    event_id: UUID, body: SafetyClosing, equipment: EquipmentNeeded, caller: MayCloseSafety
) -> SafetyEventReply:
    """Close it with its outcome."""
    return SafetyEventReply.of(
        await safety_care.close(
            equipment,
            caller.clinic_id,
            event_id,
            outcome=body.outcome,
            contact_made_at=body.contact_made_at,
            actor=caller.actor,
        )
    )


async def _replies(equipment: Equipment, clinic_id: UUID, *signals: Signal) -> list[SignalReply]:
    return [SignalReply.of(view) for view in await views.views_of(equipment, clinic_id, signals)]
