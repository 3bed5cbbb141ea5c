"""A safety event's page, and what is done there: acknowledge, close with its outcome."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts import safety_commands as safety_care
from app.care.alerts.dossier import event_dossier
from app.care.alerts.safety_commands import SafetyOutcome
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.form_actions import done_or_shown_again, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.safety_page import safety_page
from app.pages.staff.signal_words import OUTCOMES
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.dependencies import ContextNeeded
from app.web.pages.forms import Form

router = APIRouter(prefix="/care/safety-events", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SAFETY_READ)]
MayHandle = Annotated[StaffVisitor, staff_may(Permission.SAFETY_HANDLE)]
MayClose = Annotated[StaffVisitor, staff_may(Permission.SAFETY_CLOSE)]


class OutcomeMissingError(RefusalError):
    """Please choose how it ended."""

    code = "outcome-missing"


class TimeNotReadError(RefusalError):
    """Please give date and time, such as 2026-11-03 19:30."""

    code = "time-not-read"


@router.get("/{event_id}")
async def show_event(event_id: UUID, request: Request, context: ContextNeeded, visitor: MayRead) -> Response:
    """Show an event with all its times, and what may be done with it."""
    return await safety_page(context, visitor, event_id, done=request.query_params.get("done", ""))


@router.post("/{event_id}/acknowledge")
async def acknowledge_event_here(
    event_id: UUID, request: Request, context: ContextNeeded, visitor: MayHandle
) -> Response:
    """Note that this member has taken it up."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        await safety_care.acknowledge(
            context, caller.clinic_id, event_id, version=version_of(form), actor=caller.actor
        )

    return await _done(context, visitor, event_id, "acknowledge", form, change)


@router.post("/{event_id}/close")
async def close_event_here(
    event_id: UUID, request: Request, context: ContextNeeded, visitor: MayClose
) -> Response:
    """Close it with how it ended."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        version = version_of(form)
        if form["outcome"] not in OUTCOMES:
            raise OutcomeMissingError("outcome")
        reached = await _reached_at(context, visitor, event_id, form["reached"].strip())
        await safety_care.close(
            context,
            caller.clinic_id,
            event_id,
            outcome=SafetyOutcome(form["outcome"]),
            contact_made_at=reached,
            version=version,
            actor=caller.actor,
        )

    return await _done(context, visitor, event_id, "close", form, change)


async def _done(
    context: AppContext,
    visitor: StaffVisitor,
    event_id: UUID,
    what: str,
    form: Form,
    change: Callable[[], Awaitable[object]],
) -> Response:
    async def again(refusal: RefusalError) -> Response:
        return await safety_page(context, visitor, event_id, refusal=refusal, form=form)

    return await done_or_shown_again(change, then=f"/care/safety-events/{event_id}?done={what}", again=again)


async def _reached_at(
    context: AppContext, visitor: StaffVisitor, event_id: UUID, text: str
) -> datetime | None:
    """Read when the patient was reached, by the clocks where the patient is.

    Raises:
        TimeNotReadError: it is no date and time.
    """
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise TimeNotReadError("reached") from None
    caller = visitor.signed_in
    found = await event_dossier(context, caller.clinic_id, event_id, actor=caller.actor)
    return local.replace(tzinfo=zone_of(found.whose.time_zone))
