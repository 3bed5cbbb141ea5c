"""Signing in: with a code, or with a link that a mail scanner may look at as often as it likes."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.intake.hearing import report_disclosures
from app.care.patients import magic_links
from app.care.patients.devices import OpenedBrowser
from app.care.patients.enrolment import enrol_browser
from app.care.patients.magic_links import LinkState
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.patient.check_in_form import ANSWERS, draft_of, says_self_harm
from app.pages.patient.check_in_page import send_trusted
from app.pages.patient.consent_form import consent_page, must_answer_first
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.sign_in_form import sign_in_page
from app.pages.patient.visitor import SESSION, SESSION_COOKIE_LASTS, AnyVisitor, visiting
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form, OwnFormOnly, read_form
from app.web.pages.page_route import status_of

START: Final = "/p/"
router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)
_MISTAKES: Final = {
    "enrolment-code-not-valid": say(
        "This code does not work: it was mistyped, used before, or has expired. Codes last 15 minutes. "
        "Please ask your clinic for a new one."
    ),
    "too-many-tries": say(
        "Too many codes were tried from here. Please wait 15 minutes, or ask your clinic for help."
    ),
    "form-expired": say("This page was open for a long time. Go back, load it again and try again."),
}


@router.get("/enrol")
async def show_sign_in(visitor: AnyVisitor) -> Response:
    """Show where the code goes. With scripts on, the QR's fragment fills it in."""
    return sign_in_page(
        visitor,
        notice=say("You are signed out. What was not sent yet stays on this phone until you sign in again.")
        if "out" in visitor.request.query_params
        else "",
    )


@router.post("/enrol", dependencies=[OwnFormOnly])
async def sign_in(visitor: AnyVisitor) -> Response:
    """Exchange a code for a signed-in browser, then send what was kept on the page."""
    form = await read_form(visitor.request)
    try:
        visitor.refuse_forged(form)
        opened = await enrol_browser(
            visitor.context,
            code_text=form["code"],
            browser_name=say("Web browser").in_language(visitor.language),
            address=visitor.request.client.host if visitor.request.client else "local",
        )
    except RefusalError as error:
        return sign_in_page(
            visitor,
            draft=draft_of(form),
            mistake=_MISTAKES.get(
                error.code,
                say(
                    "A code has twelve letters and digits, such as ABCD-EFGH-JKMN. Please look at it once "
                    "more."
                ),
            ),
            status=status_of(error),
            help_first=says_self_harm(form),
            clinic_notified=(await report_disclosures(form)).clinic_notified,
        )
    return await _welcome(visitor.request, visitor.context, opened, form)


@router.get("/link/{token}")
async def look_at_link(token: str, visitor: AnyVisitor) -> Response:
    """Show one button. Looking spends nothing: mail scanners follow links."""
    seen = await magic_links.look_at(visitor.context, token)
    if seen.state is not LinkState.VALID:
        return _bad_link(visitor, seen.state)
    return render(visitor, "link.html", here=f"/p/link/{token}")


@router.post("/link/{token}", dependencies=[OwnFormOnly])
async def open_link(token: str, visitor: AnyVisitor) -> Response:
    """Spend the link, or send a fresh one where it is too late for that."""
    form = await read_form(visitor.request)
    visitor.refuse_forged(form)
    if form["again"]:
        await magic_links.send_again(
            visitor.context, token, address=visitor.request.client.host if visitor.request.client else "local"
        )
        return sign_in_page(
            visitor, notice=say("If your clinic has your e-mail address, a new link is on its way to it.")
        )
    try:
        opened = await magic_links.spend(
            visitor.context, token, browser_name=say("Web browser").in_language(visitor.language)
        )
    except (magic_links.LinkNotKnownError, magic_links.LinkExpiredError, magic_links.LinkUsedError):
        seen = await magic_links.look_at(visitor.context, token)
        return _bad_link(visitor, seen.state)
    return await _welcome(visitor.request, visitor.context, opened, form)


def _bad_link(visitor: AnyVisitor, state: LinkState) -> Response:
    """Say that a link does not work. Who is signed in already needs no link: the way on is shown, too."""
    return render(
        visitor,
        "bad_link.html",
        here=START,
        status=410 if state in {LinkState.USED, LinkState.EXPIRED} else 404,
        can_send=state in {LinkState.USED, LinkState.EXPIRED},
    )


async def _welcome(request: Request, context: AppContext, opened: OpenedBrowser, form: Form) -> Response:
    """Let the browser keep its session; send the answers that waited, or show the form."""
    answer: Response = RedirectResponse(START, 303)
    if any(form[name] for name in ANSWERS):
        async with visiting(request, context, session=opened.token) as signed_in:
            if must_answer_first(signed_in):
                answer = consent_page(signed_in, draft=draft_of(form))
            else:
                answer = await send_trusted(signed_in, form)
    cookies = Cookies(context.public_url)
    cookies.write(answer, SESSION, opened.token, lasts=SESSION_COOKIE_LASTS)
    return answer
