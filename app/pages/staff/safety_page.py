"""A safety event's page: all its times, and what is done there: acknowledge, close with its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts import safety_event_commands
from app.care.alerts.queries import names_in
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.alerts.schemas import SafetyClosing
from app.clinical.check_ins import zone_of
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.translations import joined, say
from app.pages.staff.alert_forms import (
    AlertPatient,
    AlertSteps,
    alert_patient,
    filled_in,
    refusal_said,
    version_of,
)
from app.pages.staff.alert_words import OUTCOMES, notification_rows
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_cards import answered, said_with, title_of
from app.pages.staff.patient_page import values_of
from app.pages.staff.patient_view import patient_view
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import WallClock, how_long
from app.storage import notices
from app.storage.notices import SentNotification
from app.storage.safety_events import SafetyEvent
from app.web.headers import ChangedMeanwhileError
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.page_route import status_of
from app.web.reading import read_as

router = APIRouter(prefix="/care/safety-events", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SAFETY_READ)]
MayHandle = Annotated[StaffVisitor, staff_may(Permission.SAFETY_HANDLE)]
MayClose = Annotated[StaffVisitor, staff_may(Permission.SAFETY_CLOSE)]
DONE: Final = {
    "acknowledge": say("Noted: you have acknowledged it."),
    "unacknowledge": say("Taken back: it waits for someone again, and its limit starts now."),
    "close": say("Closed."),
}
_REFUSED: Final[Mapping[str, str]] = {
    "outcome": say("Please choose an outcome."),
    "contact_made_at": say("Please give date and time, such as 2026-11-03 19:30."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDossier:
    """A safety event with all that was sent."""

    event: SafetyEvent
    whose: AlertPatient
    notifications: tuple[SentNotification, ...]
    names: dict[UUID, str]


@router.get("/{event_id}")
async def show_event(event_id: UUID, visitor: MayRead) -> Response:
    """Show an event with all its times, and what may be done with it."""
    return await _page(visitor, event_id, done=visitor.request.query_params.get("done", ""))


@router.post("/{event_id}/acknowledge")
async def acknowledge_event_here(event_id: UUID, visitor: MayHandle) -> Response:
    """Note that this member has acknowledged it."""
    return await _STEPS.plain(visitor, event_id, "acknowledge", SAFETY_EVENT.acknowledge)


@router.post("/{event_id}/unacknowledge")
async def unacknowledge_event_here(event_id: UUID, visitor: MayHandle) -> Response:
    """Take the acknowledgement back; its limit starts at once."""
    return await _STEPS.plain(visitor, event_id, "unacknowledge", SAFETY_EVENT.unacknowledge)


@router.post("/{event_id}/close")
async def close_event_here(event_id: UUID, visitor: MayClose) -> Response:
    """Close it with its outcome."""
    form = await read_own_form(visitor)

    async def change() -> None:
        version = version_of(form)
        sent = filled_in(form, "outcome", "contact_made_at")
        if "contact_made_at" in sent:
            event = await SAFETY_EVENT.existing(visitor.work, event_id)
            whose = await alert_patient(visitor.work, event.patient_id)
            sent["contact_made_at"] = _with_offset(sent["contact_made_at"], whose.time_zone)
        body = read_as(SafetyClosing, sent)
        await safety_event_commands.close(
            visitor.work,
            event_id,
            outcome=body.outcome,
            contact_made_at=body.contact_made_at,
            version=version,
        )

    return await _STEPS.done(visitor, event_id, "close", form, change)


def _with_offset(text: str, time_zone: str) -> str:
    """Give a time by the clocks where the patient is as the API takes it; what is none stays as it was typed."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone_of(time_zone)).isoformat()
    except ValueError:
        return text


async def _dossier(work: Work, event_id: UUID) -> EventDossier:
    """Read all of it in one snapshot; that it was read is in the audit log."""
    event = await SAFETY_EVENT.read(work, event_id)
    sent = await notices.about(work, event.patient_id, subject="safety_event_id", subject_id=event_id)
    return EventDossier(
        event=event,
        whose=await alert_patient(work, event.patient_id),
        notifications=tuple(sent),
        names=await names_in(work, [event.acknowledged_by, event.closed_by]),
    )


async def _page(
    visitor: StaffVisitor,
    event_id: UUID,
    *,
    done: str = "",
    refusal: RefusalError | None = None,
    form: Form = NOTHING_FILLED_IN,
) -> Response:
    """Show an event as it is now; what was typed stays, and a refusal says why it was not done."""
    now = visitor.work.now
    found = await _dossier(visitor.work, event_id)
    view = await patient_view(
        visitor.work,
        found.whose.id,
        days=None,
        with_audit_log=visitor.signed_in.may(Permission.AUDIT),
        language=visitor.locale,
    )
    values = values_of(view, visitor, days=None)
    clock: WallClock = values["clock"]
    values |= {
        "step_notice": None,
        "notice": "",
        "done_notice": DONE.get(done, ""),
        "conflict": isinstance(refusal, ChangedMeanwhileError),
        "refused": refusal_said(refusal, _REFUSED),
        "form": form,
        "whose": found.whose,
        "event": found.event,
        "title": title_of(found.event),
        "answered": answered(found.event, clock),
        "said": said_with(view, found.event.source_id),
        "event_status": _status(found, now),
        "times": _times(found, clock),
        "outcome": found.event.outcome and OUTCOMES[found.event.outcome],
        "outcomes": OUTCOMES,
        "may_handle": visitor.may(Permission.SAFETY_HANDLE),
        "may_close": visitor.may(Permission.SAFETY_CLOSE),
        "notifications": notification_rows(found.notifications, clock),
    }
    status = 200 if refusal is None else status_of(refusal)
    return render(visitor, "safety_event.html", here="/care/patients", status=status, **values)


_STEPS: Final = AlertSteps(path="/care/safety-events", show=_page)


def _status(found: EventDossier, now: datetime) -> str:
    event = found.event
    if event.state == "closed":
        return say("Closed")
    if event.acknowledged_at is not None:
        return say("Acknowledged {how_long}; not closed yet", how_long=how_long(event.acknowledged_at, now))
    return say("Nobody has acknowledged it; reported {how_long}", how_long=how_long(event.received_at, now))


def _times(found: EventDossier, clock: WallClock) -> list[dict[str, str]]:
    """Give every time of the event, also those that have not come."""
    event = found.event
    rows: list[tuple[str, datetime | None, str, UUID | None]] = [
        (say("Reported"), event.received_at, "", None),
        (say("Crisis help shown to the patient"), event.shown_at, say("not shown: staff entered it"), None),
        (say("Sent to the clinic's systems"), event.sent_at, say("not yet"), None),
        (say("Delivered there"), event.delivered_at, say("not yet"), None),
        (say("Escalated"), event.escalated_at, say("not escalated"), None),
        (say("Acknowledged"), event.acknowledged_at, say("not yet"), event.acknowledged_by),
        (say("Patient reached"), event.contact_made_at, say("not noted"), None),
        (say("Closed"), event.closed_at, say("not yet"), event.closed_by),
    ]
    return [
        {"what": what, "when": _written(found, at, otherwise, by, clock)} for what, at, otherwise, by in rows
    ]


def _written(
    found: EventDossier, at: datetime | None, otherwise: str, by: UUID | None, clock: WallClock
) -> str:
    if at is None:
        return otherwise
    who = [say("by {value1}", value1=found.names.get(by, say("key")))] if by else []
    return say("{moment} ({ago})", moment=joined((clock.plain(at), *who), " "), ago=how_long(at, clock.now))
