"""The check-in form: shown, sent, and kept on the page when it cannot be sent."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.check_ins.queries import open_note, standing_check_in
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.ids import new_id
from app.pages.patient.check_in_form import SCORES
from app.pages.patient.check_in_pages import SENT_FORM, form_page
from app.pages.patient.consent_pages import ASK_FIRST, must_answer_first
from app.pages.patient.history_routes import can_still_be_corrected, moment_of_added, own_report
from app.pages.patient.opened_form import OpenedForm, open_form
from app.pages.patient.page_route import PatientPageRoute
from app.pages.patient.rendering import render
from app.pages.patient.sending import refused, send
from app.pages.patient.visitor import SignedInVisitor, Visitor, visiting, visitor_without_look_up
from app.pages.patient.words import say_in
from app.storage.check_ins import StoredCheckIn
from app.web.dependencies import ContextNeeded
from app.web.pages.cookies import Cookies
from app.web.pages.forged_forms import refuse_foreign
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.page_route import read_form_to_keep
from app.web.pages.wording import write_day, write_moment
from app.web.schemas import read_counter

OPEN_FORM: Final = "afterglow-form"
# So long after opening or sending it, coming back to the form means the same check-in, perhaps to fix it.
_SAME_FORM_FOR: Final = timedelta(minutes=30)


class CheckInRoute(PatientPageRoute):
    """Whatever fails while a form is sent, its answers come back on the page."""

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        context: AppContext = request.app.state.context
        return await refused(context, visitor_without_look_up(request, context), form, error)


router = APIRouter(prefix="/p", route_class=CheckInRoute, include_in_schema=False)


@router.get("/check-in")
async def show_form(request: Request, context: ContextNeeded, found: SignedInVisitor) -> Response:
    """Show the form for the present check-in day. A form that is open already stays the same check-in."""
    if must_answer_first(found):
        return RedirectResponse(ASK_FIRST, 303)
    if found.signed_in.archived:
        say = say_in(found.language)
        return render(
            context,
            found,
            "message.html",
            here="/p/check-in",
            help_first=True,
            title=say("archived_title"),
            sentence=say("archived_text"),
        )
    if other := await _other_form(request, context, found):
        return other
    cookies = Cookies(context.public_url)
    opened, kept = await _open_form(
        context, found, cookies.read(request, OPEN_FORM), cookies.read(request, SENT_FORM)
    )
    answer = form_page(
        context,
        found,
        opened,
        form=NOTHING_FILLED_IN if kept is None else _answers_in(context, found, kept),
        earlier_sentence=_earlier_sentence(found, kept),
    )
    if (written := _as_cookie(opened)) != cookies.read(request, OPEN_FORM):
        cookies.write(answer, OPEN_FORM, written, lasts=None)
    return answer


@router.post("/check-in")
async def send_form(request: Request, context: ContextNeeded) -> Response:
    """Keep what was answered. Who may: whoever is signed in; others get their own answers back to sign in with."""
    refuse_foreign(request, context.public_url)
    form = await read_form_to_keep(request)
    async with visiting(request, context) as found:
        return await send(context, found, form)


async def _other_form(request: Request, context: AppContext, found: Visitor) -> Response | None:
    """Open a form that is not today's: one that was sent and is to be corrected, or a day to add; else None."""
    asked, say = request.query_params, say_in(found.language)
    now, zone = context.clock.now(), found.signed_in.time_zone
    if correct := asked.get("correct"):
        try:
            stored = await own_report(found, UUID(correct))
        except ValueError:
            raise NotFoundError from None
        if not can_still_be_corrected(stored, now):
            raise NotFoundError
        sent = stored.check_in
        opened = OpenedForm(id=UUID(sent.id), opened_at=sent.recorded_at, time_zone=sent.time_zone)
        fields = _answers_in(context, found, stored).filled({"answered_at": sent.recorded_at.isoformat()})
        title = say("correct_title", day=write_day(stored.check_in_day, found.language))
        return form_page(
            context, found, opened, form=fields, title=title, earlier_sentence=say("correct_lead")
        )
    if (added := moment_of_added(asked.get("day", ""), now, zone)) is None:
        return None
    opened = OpenedForm(id=new_id(), opened_at=added, time_zone=zone)
    return form_page(context, found, opened, form=Form({"answered_at": added.isoformat()}))


async def _open_form(
    context: AppContext, found: Visitor, cookie: str, sent: str
) -> tuple[OpenedForm, StoredCheckIn | None]:
    """Open the form that is open in this browser already, also in another tab; else a new one.

    Two tabs, a double tap and the back button are then one check-in, and other answers are a correction.
    """
    caller, now = found.signed_in, context.clock.now()
    known, fresh = _from_cookie(cookie, caller.time_zone), open_form(now, caller.time_zone)
    if known is None or known.day != fresh.day:
        return fresh, None
    # Most forms were not sent yet: then nothing has to be looked up.
    if sent != str(known.id):
        return (known if now < known.opened_at + _SAME_FORM_FOR else fresh), None
    kept = await standing_check_in(found.work, caller.patient_id, known.id)
    if kept is None or now >= kept.received_at + _SAME_FORM_FOR:
        return fresh, None
    return known, kept


def _as_cookie(opened: OpenedForm) -> str:
    return f"{opened.id}.{int(opened.opened_at.timestamp())}"


def _from_cookie(cookie: str, time_zone: str) -> OpenedForm | None:
    form_id, _, opened_at = cookie.partition(".")
    seconds = read_counter(opened_at)
    try:
        if seconds is None:
            return None
        return OpenedForm(
            id=UUID(form_id),
            opened_at=datetime.fromtimestamp(seconds, UTC),
            time_zone=time_zone,
        )
    except (ValueError, OverflowError, OSError):
        return None


def _answers_in(context: AppContext, found: Visitor, kept: StoredCheckIn) -> Form:
    """Fill the form with what was sent, so that correcting one answer loses no other.

    Not with the safety statement: it stands by itself, and nobody should have to take it back to fix a number.
    """
    sent = kept.check_in
    answers = {name: getattr(sent, name) for name in (*SCORES, "sleep_hours")}
    fields = {name: f"{value:g}" for name, value in answers.items() if value is not None}
    fields["note"] = open_note(context.vault, found.signed_in.clinic_id, kept) or ""
    fields["asks_about_booster"] = "yes" if sent.asks_about_booster else ""
    return Form(fields)


def _earlier_sentence(found: Visitor, kept: StoredCheckIn | None) -> str:
    if kept is None:
        return ""
    zone = zone_of(kept.check_in.time_zone)
    return say_in(found.language)("sent_before", at=write_moment(kept.received_at, zone, found.language))
