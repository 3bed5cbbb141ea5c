"""A signal's page, and what is done there: acknowledge, snooze, close, reopen."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts import reopening
from app.care.alerts import signal_commands as service
from app.care.alerts.snooze_until import morning_of
from app.clinical.episodes import Disposition
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.form_actions import done_or_shown_again, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.signal_page import signal_page
from app.pages.staff.signal_words import CHOICES
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.dependencies import ContextNeeded
from app.web.pages.forms import Form
from app.web.schemas import Day

router = APIRouter(prefix="/care/signals", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_READ)]
MayHandle = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_HANDLE)]
MayClose = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_CLOSE)]
_DAY: Final = TypeAdapter(Day)
_LONGEST_WORDS: Final = {"reason": 1000, "note": 4000}


class ReasonMissingError(RefusalError):
    """Please say why, so that whoever looks next knows."""

    code = "reason-missing"


class WordsTooLongError(RefusalError):
    """This text is too long to be kept; please shorten it."""

    code = "words-too-long"


class DayNotReadError(RefusalError):
    """Please give the day, such as 2026-11-12."""

    code = "day-not-read"


class DispositionMissingError(RefusalError):
    """Please choose what came of it."""

    code = "disposition-missing"


@router.get("/{signal_id}")
async def show_signal(
    signal_id: UUID, request: Request, context: ContextNeeded, visitor: MayRead
) -> Response:
    """Show everything about one signal, and what may be done with it."""
    return await signal_page(context, visitor, signal_id, done=request.query_params.get("done", ""))


@router.post("/{signal_id}/acknowledge")
async def acknowledge_here(
    signal_id: UUID, request: Request, context: ContextNeeded, visitor: MayHandle
) -> Response:
    """Note that this member has seen it."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        await service.acknowledge(
            context, caller.clinic_id, signal_id, version=version_of(form), actor=caller.actor
        )

    return await _done(context, visitor, signal_id, "acknowledge", form, change)


@router.post("/{signal_id}/snooze")
async def snooze_here(
    signal_id: UUID, request: Request, context: ContextNeeded, visitor: MayHandle
) -> Response:
    """Put it aside until the morning of a day, with the reason."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        version, reason = version_of(form), _words(form, "reason", needed=True)
        until = await morning_of(context, caller.clinic_id, signal_id, _day(form["until"]))
        await service.snooze(
            context,
            caller.clinic_id,
            signal_id,
            until=until,
            reason=reason,
            version=version,
            actor=caller.actor,
        )

    return await _done(context, visitor, signal_id, "snooze", form, change)


@router.post("/{signal_id}/close")
async def close_here(
    signal_id: UUID, request: Request, context: ContextNeeded, visitor: MayClose
) -> Response:
    """Close it with what came of it."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        version, note = version_of(form), _words(form, "note")
        if form["disposition"] not in CHOICES:
            raise DispositionMissingError("disposition")
        disposition = Disposition(form["disposition"])
        booked = form["booked"].strip() if disposition is Disposition.BOOSTER_BOOKED else ""
        await service.close(
            context,
            caller.clinic_id,
            signal_id,
            disposition=disposition,
            booster_booked_for=_day(booked) if booked else None,
            note=note or None,
            version=version,
            actor=caller.actor,
        )

    return await _done(context, visitor, signal_id, "close", form, change)


@router.post("/{signal_id}/reopen")
async def reopen_here(
    signal_id: UUID, request: Request, context: ContextNeeded, visitor: MayClose
) -> Response:
    """Open it again, with the reason."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in

    async def change() -> None:
        version, reason = version_of(form), _words(form, "reason", needed=True)
        await reopening.reopen(
            context, caller.clinic_id, signal_id, reason=reason, version=version, actor=caller.actor
        )

    return await _done(context, visitor, signal_id, "reopen", form, change)


async def _done(
    context: AppContext,
    visitor: StaffVisitor,
    signal_id: UUID,
    what: str,
    form: Form,
    change: Callable[[], Awaitable[object]],
) -> Response:
    async def again(refusal: RefusalError) -> Response:
        return await signal_page(context, visitor, signal_id, refusal=refusal, form=form)

    return await done_or_shown_again(change, then=f"/care/signals/{signal_id}?done={what}", again=again)


def _words(form: Form, field: str, *, needed: bool = False) -> str:
    """Read a text.

    Raises:
        ReasonMissingError: there is none, and it is needed.
        WordsTooLongError: it is longer than is kept.
    """
    words = form[field].strip()
    if needed and not words:
        raise ReasonMissingError(field)
    if field in form.cut or len(words) > _LONGEST_WORDS[field]:
        raise WordsTooLongError(field)
    return words


def _day(text: str) -> date:
    """Read a day as the browser sends it, or as somebody typed it.

    Raises:
        DayNotReadError: it is none.
    """
    try:
        return _DAY.validate_python(text.strip())
    except ValidationError:
        raise DayNotReadError("until") from None
