"""Signals, safety events and findings, for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.alerts import finding_commands, safety_event_commands, signal_commands
from app.care.alerts.finding_commands import FINDING
from app.care.alerts.life_cycle import LifeCycle
from app.care.alerts.queries import list_alerts, read_history, views_of
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.alerts.schemas import (
    AlertFilter,
    AlertHistory,
    AlertStepReply,
    FindingClosing,
    FindingList,
    FindingReply,
    Reopening,
    SafetyClosing,
    SafetyEventList,
    SafetyEventReply,
    SignalClosing,
    SignalFilter,
    SignalList,
    SignalReply,
    Snooze,
)
from app.care.alerts.signal_commands import SIGNAL, moment_of
from app.clinical.episodes import Disposition
from app.context import Work
from app.storage.alerts import AlertT
from app.storage.findings import Finding
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.web.dependencies import IfMatch, OnlyPatient, PageAsked
from app.web.headers import etag_of, version_if_sent, with_etag

signals = APIRouter(prefix="/v1", tags=["signals"], route_class=ClinicRoute)
safety_events = APIRouter(prefix="/v1", tags=["safety"], route_class=ClinicRoute)
findings = APIRouter(prefix="/v1", tags=["findings"], route_class=ClinicRoute)

ReadsSignals = Annotated[Work, work_for(Permission.SIGNALS_READ)]
HandlesSignals = Annotated[Work, work_for(Permission.SIGNALS_HANDLE)]
ClosesSignals = Annotated[Work, work_for(Permission.SIGNALS_CLOSE)]
ReadsSafety = Annotated[Work, work_for(Permission.SAFETY_READ)]
HandlesSafety = Annotated[Work, work_for(Permission.SAFETY_HANDLE)]
ClosesSafety = Annotated[Work, work_for(Permission.SAFETY_CLOSE)]


@signals.get("/signals", summary="List signals")
async def list_signals(
    work: ReadsSignals,
    page: PageAsked,
    state: SignalFilter = SignalFilter.OPEN,
    patient_id: OnlyPatient = None,
) -> SignalList:
    """List signals, oldest first."""
    listed = await list_alerts(
        work, SIGNAL, states=state.states, patient_id=patient_id, after=page.after, limit=page.limit
    )
    page.link_after([one.id for one in listed])
    return SignalList(items=[SignalReply.of(view) for view in await views_of(work, listed)])


@signals.get("/signals/{signal_id}", summary="Read a signal")
async def read_signal(signal_id: UUID, work: ReadsSignals, response: Response) -> SignalReply:
    """Give one signal with its whole basis, and an ETag for changing."""
    return await _signal_reply(work, await SIGNAL.read(work, signal_id), response)


@signals.get("/signals/{signal_id}/history", summary="Read what was done to a signal")
async def read_signal_history(signal_id: UUID, work: ReadsSignals) -> AlertHistory:
    """Give its steps, oldest first: raised, acknowledged, snoozed, escalated, closed, reopened; when and by whom."""
    return await _history(work, SIGNAL, signal_id)


@signals.post("/signals/{signal_id}/acknowledge", summary="Acknowledge a signal")
async def acknowledge_signal(
    signal_id: UUID, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Note that someone has seen it; a second time changes nothing."""
    signal = await SIGNAL.acknowledge(work, signal_id, version=version_if_sent(if_match))
    return await _signal_reply(work, signal, response)


@signals.post("/signals/{signal_id}/unacknowledge", summary="Take an acknowledgement of a signal back")
async def unacknowledge_signal(
    signal_id: UUID, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Let it wait for someone again; its limit starts at once."""
    signal = await SIGNAL.unacknowledge(work, signal_id, version=version_if_sent(if_match))
    return await _signal_reply(work, signal, response)


@signals.post("/signals/{signal_id}/snooze", summary="Snooze a signal")
async def snooze_signal(
    signal_id: UUID, body: Snooze, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Put it out of sight for at most 14 days; it returns by itself."""
    until = await moment_of(work, signal_id, body.until)
    signal = await signal_commands.snooze(
        work, signal_id, until=until, reason=body.reason, version=version_if_sent(if_match)
    )
    return await _signal_reply(work, signal, response)


@signals.post("/signals/{signal_id}/end-snooze", summary="End a signal's snooze")
async def end_snooze_of_signal(
    signal_id: UUID, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Bring it back at once."""
    signal = await signal_commands.end_snooze(work, signal_id, version=version_if_sent(if_match))
    return await _signal_reply(work, signal, response)


@signals.post("/signals/{signal_id}/close", summary="Close a signal")
async def close_signal(
    signal_id: UUID, body: SignalClosing, work: ClosesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Close it with its outcome."""
    signal = await signal_commands.close(
        work,
        signal_id,
        disposition=Disposition(body.disposition),
        booster_booked_for=body.booster_booked_for,
        note=body.note,
        version=version_if_sent(if_match),
    )
    return await _signal_reply(work, signal, response)


@signals.post("/signals/{signal_id}/reopen", summary="Reopen a signal")
async def reopen_signal(
    signal_id: UUID, body: Reopening, work: ClosesSignals, response: Response, if_match: IfMatch = None
) -> SignalReply:
    """Open again what was closed by mistake or too early, while the patient has no later signal."""
    signal = await signal_commands.reopen(
        work, signal_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return await _signal_reply(work, signal, response)


@safety_events.get("/safety-events", summary="List safety events")
async def list_safety_events(
    work: ReadsSafety, page: PageAsked, state: AlertFilter = AlertFilter.OPEN, patient_id: OnlyPatient = None
) -> SafetyEventList:
    """List safety events, oldest first."""
    listed = await list_alerts(
        work,
        SAFETY_EVENT,
        states=state.states,
        patient_id=patient_id,
        after=page.after,
        limit=page.limit,
    )
    page.link_after([one.id for one in listed])
    return SafetyEventList(items=[SafetyEventReply.of(event) for event in listed])


@safety_events.get("/safety-events/{event_id}", summary="Read a safety event")
async def read_safety_event(event_id: UUID, work: ReadsSafety, response: Response) -> SafetyEventReply:
    """Give one safety event with all its times, and an ETag for changing."""
    return _safety_reply(await SAFETY_EVENT.read(work, event_id), response)


@safety_events.get("/safety-events/{event_id}/history", summary="Read what was done to a safety event")
async def read_safety_event_history(event_id: UUID, work: ReadsSafety) -> AlertHistory:
    """Give its steps, oldest first: reported, escalated, acknowledged, closed; when and by whom."""
    return await _history(work, SAFETY_EVENT, event_id)


@safety_events.post("/safety-events/{event_id}/acknowledge", summary="Acknowledge a safety event")
async def acknowledge_safety_event(
    event_id: UUID, work: HandlesSafety, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Note who acknowledged it; a second time changes nothing."""
    event = await SAFETY_EVENT.acknowledge(work, event_id, version=version_if_sent(if_match))
    return _safety_reply(event, response)


@safety_events.post(
    "/safety-events/{event_id}/unacknowledge", summary="Take an acknowledgement of a safety event back"
)
async def unacknowledge_safety_event(
    event_id: UUID, work: HandlesSafety, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Let it wait for someone again: its limit starts at once, its history stays."""
    event = await SAFETY_EVENT.unacknowledge(work, event_id, version=version_if_sent(if_match))
    return _safety_reply(event, response)


@safety_events.post("/safety-events/{event_id}/close", summary="Close a safety event")
async def close_safety_event(
    event_id: UUID, body: SafetyClosing, work: ClosesSafety, response: Response, if_match: IfMatch = None
) -> SafetyEventReply:
    """Close it with its outcome."""
    event = await safety_event_commands.close(
        work,
        event_id,
        outcome=body.outcome,
        contact_made_at=body.contact_made_at,
        version=version_if_sent(if_match),
    )
    return _safety_reply(event, response)


@findings.get("/findings", summary="List findings")
async def list_findings(
    work: ReadsSignals, page: PageAsked, state: AlertFilter = AlertFilter.OPEN, patient_id: OnlyPatient = None
) -> FindingList:
    """List findings, oldest first."""
    listed = await list_alerts(
        work, FINDING, states=state.states, patient_id=patient_id, after=page.after, limit=page.limit
    )
    page.link_after([one.id for one in listed])
    return FindingList(items=[FindingReply.of(one) for one in listed])


@findings.get("/findings/{finding_id}", summary="Read a finding")
async def read_finding(finding_id: UUID, work: ReadsSignals, response: Response) -> FindingReply:
    """Give one finding, and an ETag for changing."""
    return _finding_reply(await FINDING.read(work, finding_id), response)


@findings.get("/findings/{finding_id}/history", summary="Read what was done to a finding")
async def read_finding_history(finding_id: UUID, work: ReadsSignals) -> AlertHistory:
    """Give its steps, oldest first: raised, acknowledged, assigned, reached out, ended or closed."""
    return await _history(work, FINDING, finding_id)


@findings.post("/findings/{finding_id}/acknowledge", summary="Acknowledge a finding")
async def acknowledge_finding(
    finding_id: UUID, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> FindingReply:
    """Note that someone has seen it; a second time changes nothing."""
    finding = await FINDING.acknowledge(work, finding_id, version=version_if_sent(if_match))
    return _finding_reply(finding, response)


@findings.post("/findings/{finding_id}/close", summary="Close a finding")
async def close_finding(
    finding_id: UUID, body: FindingClosing, work: HandlesSignals, response: Response, if_match: IfMatch = None
) -> FindingReply:
    """Close it with its outcome."""
    finding = await finding_commands.close(
        work, finding_id, outcome=body.outcome, note=body.note, version=version_if_sent(if_match)
    )
    return _finding_reply(finding, response)


async def _history(work: Work, kind: LifeCycle[AlertT], alert_id: UUID) -> AlertHistory:
    steps = await read_history(work, kind, alert_id)
    return AlertHistory(items=[AlertStepReply.of(step) for step in steps])


async def _signal_reply(work: Work, signal: Signal, response: Response) -> SignalReply:
    response.headers["etag"] = etag_of(signal.version)
    (view,) = await views_of(work, [signal])
    return SignalReply.of(view)


def _safety_reply(event: SafetyEvent, response: Response) -> SafetyEventReply:
    return with_etag(response, event.version, SafetyEventReply.of(event))


def _finding_reply(finding: Finding, response: Response) -> FindingReply:
    return with_etag(response, finding.version, FindingReply.of(finding))
