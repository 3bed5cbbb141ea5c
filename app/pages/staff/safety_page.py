"""A safety event's page: all its times, and what is done there: acknowledge, close with its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
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
from app.foundation.translations import joined, say
from app.pages.staff.alert_page import AlertPage, Dossier, alert_patient
from app.pages.staff.alert_words import OUTCOMES
from app.pages.staff.asked_form import filled_in, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_cards import answered, said_with, title_of
from app.pages.staff.patient_view import PatientView
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import WallClock, how_long
from app.storage import notices
from app.storage.safety_events import SafetyEvent
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
class EventDossier(Dossier):
    """A safety event with all that was sent."""

    event: SafetyEvent


@router.get("/{event_id}")
async def show_event(event_id: UUID, visitor: MayRead) -> Response:
    """Show an event with all its times, and what may be done with it."""
    return await _PAGE.show(visitor, event_id)


@router.post("/{event_id}/acknowledge")
async def acknowledge_event_here(event_id: UUID, visitor: MayHandle) -> Response:
    """Note that this member has acknowledged it."""
    return await _PAGE.step(visitor, event_id, "acknowledge", SAFETY_EVENT.acknowledge)


@router.post("/{event_id}/unacknowledge")
async def unacknowledge_event_here(event_id: UUID, visitor: MayHandle) -> Response:
    """Take the acknowledgement back; its limit starts at once."""
    return await _PAGE.step(visitor, event_id, "unacknowledge", SAFETY_EVENT.unacknowledge)


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

    return await _PAGE.change(visitor, event_id, "close", form, change)


def _with_offset(text: str, time_zone: str) -> str:
    """Give a time by the clocks where the patient is as the API takes it; what is none stays as it was typed."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone_of(time_zone)).isoformat()
    except ValueError:
        return text


async def _dossier(work: Work, event_id: UUID) -> EventDossier:
    event = await SAFETY_EVENT.read(work, event_id)
    sent = await notices.about(work, event.patient_id, subject="safety_event_id", subject_id=event_id)
    return EventDossier(
        event=event,
        whose=await alert_patient(work, event.patient_id),
        notifications=tuple(sent),
        names=await names_in(work, [event.acknowledged_by, event.closed_by]),
    )


def _values(
    found: EventDossier, view: PatientView, visitor: StaffVisitor, clock: WallClock
) -> dict[str, Any]:
    event = found.event
    return {
        "event": event,
        "title": title_of(event),
        "answered": answered(event, clock),
        "said": said_with(view, event.source_id),
        "event_status": _status(found, visitor.work.now),
        "times": _times(found, clock),
        "outcome": event.outcome and OUTCOMES[event.outcome],
        "outcomes": OUTCOMES,
        "may_handle": visitor.may(Permission.SAFETY_HANDLE),
        "may_close": visitor.may(Permission.SAFETY_CLOSE),
    }


_PAGE: Final = AlertPage(
    path="/care/safety-events",
    template="safety_event.html",
    done=DONE,
    refused=_REFUSED,
    read=_dossier,
    values=_values,
)


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
