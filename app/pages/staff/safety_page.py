"""One safety event as it is shown: all its times, and what can be done."""

from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts.dossier import EventDossier, event_dossier
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.notice_words import told_rows
from app.pages.staff.rendering import render
from app.pages.staff.signal_words import OUTCOMES, SOURCES
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.when import how_long, moment_in
from app.web.etags import ChangedMeanwhileError
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.page_route import status_of

TOLD: Final = {"acknowledge": "Noted: you have taken it up.", "close": "Closed."}


async def safety_page(
    context: AppContext,
    visitor: StaffVisitor,
    event_id: UUID,
    *,
    done: str = "",
    refusal: RefusalError | None = None,
    form: Form = NOTHING_FILLED_IN,
) -> Response:
    """Show an event as it is now; what was typed stays, and a refusal says why it was not done."""
    caller, now = visitor.signed_in, context.clock.now()
    found = await event_dossier(context, caller.clinic_id, event_id, actor=caller.actor)
    return render(
        context,
        visitor,
        "safety_event.html",
        here="",
        status=200 if refusal is None else status_of(refusal),
        told=TOLD.get(done, ""),
        faster=isinstance(refusal, ChangedMeanwhileError),
        refused="" if refusal is None else refusal.message(),
        form=form,
        whose=found.whose,
        event=found.event,
        source=SOURCES[found.event.source],
        standing=_standing(found, now),
        times=_times(found, now),
        outcome=found.event.outcome and OUTCOMES[found.event.outcome],
        outcomes=OUTCOMES,
        may_handle=visitor.may(Permission.SAFETY_HANDLE),
        may_close=visitor.may(Permission.SAFETY_CLOSE),
        tellings=told_rows(found.told, found.whose.time_zone, now),
    )


def _standing(found: EventDossier, now: datetime) -> str:
    event = found.event
    if event.state == "closed":
        return "Closed"
    if event.acknowledged_at is not None:
        return f"Acknowledged {how_long(event.acknowledged_at, now)}; not closed yet"
    return f"Nobody has acknowledged it; reported {how_long(event.received_at, now)}"


def _times(found: EventDossier, now: datetime) -> list[dict[str, str]]:
    """Give every time of the event, also those that have not come."""
    event = found.event
    rows: list[tuple[str, datetime | None, str, UUID | None]] = [
        ("Reported", event.received_at, "", None),
        ("Crisis help shown to the patient", event.shown_at, "not shown: staff entered it", None),
        ("Sent to the clinic's systems", event.sent_at, "not yet", None),
        ("Delivered there", event.delivered_at, "not yet", None),
        ("Escalated", event.escalated_at, "not escalated", None),
        ("Acknowledged", event.acknowledged_at, "not yet", event.acknowledged_by),
        ("Patient reached", event.contact_made_at, "not noted", None),
        ("Closed", event.closed_at, "not yet", event.closed_by),
    ]
    return [
        {"what": what, "when": _written(found, at, otherwise, by, now)} for what, at, otherwise, by in rows
    ]


def _written(found: EventDossier, at: datetime | None, otherwise: str, by: UUID | None, now: datetime) -> str:
    if at is None:
        return otherwise
    who = "" if by is None else f" by {found.names.get(by, 'key')}"
    return f"{moment_in(at, found.whose.time_zone)}{who} ({how_long(at, now)})"
