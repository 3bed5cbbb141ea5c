"""The clinic's tablet in a patient's hands: one form, then "Thank you". Going back shows nothing of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.logos import logo_of
from app.care.alerts.safety_reports import AT_FRONT_DESK
from app.care.assessments.questionnaires import questionnaire
from app.care.intake.hearing import report_disclosures
from app.care.patients import devices
from app.care.patients.tablets import CHECK_IN, COOKIE, LASTS_AT_MOST, Handover, read_handover, write_handover
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.translations import LANGUAGES
from app.pages.patient import check_in_page, questionnaire_page
from app.pages.patient.check_in_form import ID_FIELD, says_self_harm
from app.pages.patient.opened_form import OUTCOME, open_form
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.visitor import Visitor, visiting, visitor_without_look_up
from app.web.dependencies import ContextNeeded
from app.web.pages.answers import PageAnswer, PictureAnswer
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form, refuse_foreign
from app.web.pages.page_route import read_form_to_keep

TABLET: Final = "/tablet"


class TabletRoute(PatientPageRoute):
    """Whatever fails while the form is sent, its answers come back on the page."""

    sign_in = TABLET

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        context: AppContext = request.app.state.context
        handover = _handover_in(request, context)
        if handover is None:
            return RedirectResponse(TABLET, 303)
        found = _on_tablet(visitor_without_look_up(request, context, session=handover.token), handover)
        if handover.form == CHECK_IN:
            return await check_in_page.refused(found, form, error)
        asked = questionnaire(handover.form, locale=handover.language)
        return await questionnaire_page.questionnaire_refused(found, asked, form, error)


router = APIRouter(prefix=TABLET, route_class=TabletRoute, include_in_schema=False)


@router.get("")
async def show_tablet(request: Request, context: ContextNeeded) -> Response:
    """Show the form that the tablet was handed over for; after it, and when it is over, only the thanks."""
    async with _patient(request, context) as (handover, found):
        if handover is None:
            return await _over(found)
        return _keep(context, _form(found, handover), handover)


@router.get("/used")
async def note_use(request: Request, context: ContextNeeded) -> Response:
    """Let the idle time begin again, as the form was touched. Where it is over, say so."""
    handover = _handover_in(request, context)
    if handover is None:
        return Response(status_code=410)
    return _keep(context, Response(status_code=204, headers={"cache-control": "no-store"}), handover)


@router.get("/logo/{digest}")
async def show_logo(digest: str, request: Request, context: ContextNeeded) -> Response:
    """Give the logo of the clinic whose tablet it is, while the form is open."""
    async with _patient(request, context) as (handover, found):
        if handover is None or digest != found.signed_in.clinic_logo:
            raise NotFoundError
        return PictureAnswer(await logo_of(found.work))


@router.post("")
async def send_tablet(request: Request, context: ContextNeeded) -> Response:
    """Keep what was answered, and end it."""
    refuse_foreign(request, context.public_url)
    sent = await read_form_to_keep(request)
    async with _patient(request, context) as (handover, found):
        if handover is None:
            # What it discloses is heard all the same, and whoever said it reads the help, not only thanks.
            if (await report_disclosures(sent)).clinic_notified:
                return await _over(found, help_first=True)
            return RedirectResponse(TABLET, 303)
        found.refuse_forged(sent)
        form = sent.filled({_id_field(handover): str(handover.form_id)})
        answer, help_first = await _send(found, handover, form)
        if answer.headers.get(OUTCOME) != "kept":
            return _keep(context, answer, handover)
        caller = found.signed_in
        await devices.revoke_device(found.work, caller.patient_id, caller.device_id)
        return _end(context, _thanks(found, help_first=help_first))


async def _send(found: Visitor, handover: Handover, form: Form) -> tuple[PageAnswer, bool]:
    """Take the answers as from the patient's own browser; says as well whether help comes first."""
    if handover.form == CHECK_IN:
        answer = await check_in_page.send_trusted(found, form)
        return answer, says_self_harm(form)
    asked = questionnaire(handover.form, locale=found.language)
    answer = await questionnaire_page.send_questionnaire(found, asked, form)
    return answer, questionnaire_page.says_self_harm(form, asked)


def _form(found: Visitor, handover: Handover) -> PageAnswer:
    opened = open_form(found.now(), found.time_zone, form_id=handover.form_id)
    if handover.form == CHECK_IN:
        return check_in_page.form_page(found, opened)
    asked = questionnaire(handover.form, locale=found.language)
    return questionnaire_page.questionnaire_page(found, asked, opened)


def _id_field(handover: Handover) -> str:
    return ID_FIELD if handover.form == CHECK_IN else questionnaire_page.ID_FIELD


@asynccontextmanager
async def _patient(request: Request, context: AppContext) -> AsyncIterator[tuple[Handover | None, Visitor]]:
    """Look whether the tablet is still handed over, and for whom; ``None``: it is not any more."""
    handover = _handover_in(request, context)
    async with visiting(request, context, session=handover.token if handover else "") as found:
        if handover is None or found.caller is None:
            yield None, replace(found, is_on_tablet=True)
        else:
            yield handover, _on_tablet(found, handover)


def _handover_in(request: Request, context: AppContext) -> Handover | None:
    now = context.clock.now()
    handover = read_handover(context.vault, Cookies(context.public_url).read(request, COOKIE))
    if handover is None or handover.is_over(now):
        return None
    chosen = request.query_params.get("lang", "")
    language = chosen if chosen in LANGUAGES else handover.language
    return replace(handover, language=language, used_at=now)


def _on_tablet(found: Visitor, handover: Handover) -> Visitor:
    """The browser is the clinic's: nothing of the patient's is kept in it."""
    return replace(
        found,
        is_on_tablet=True,
        language=handover.language,
        switched_to="",
        new_anchor=False,
        new_country=False,
    )


def _keep(context: AppContext, answer: Response, handover: Handover) -> Response:
    written = write_handover(context.vault, handover)
    Cookies(context.public_url).write(answer, COOKIE, written, lasts=LASTS_AT_MOST)
    return answer


async def _over(found: Visitor, *, help_first: bool = False) -> Response:
    """Say thanks, and end a session that nobody used."""
    left = read_handover(found.context.vault, Cookies(found.context.public_url).read(found.request, COOKIE))
    if left is not None:
        await devices.end(found.context, left.token)
    return _end(found.context, _thanks(found, help_first=help_first))


def _thanks(found: Visitor, *, help_first: bool) -> PageAnswer:
    # A clinic may have nobody there, and nothing else is said than what is so.
    desk_notified = any(AT_FRONT_DESK.get() or ())
    return render(
        found,
        "tablet_thanks.html",
        here=TABLET,
        help_first=help_first,
        # Nothing opens it any more.
        with_logo=False,
        desk_notified=desk_notified,
    )


def _end(context: AppContext, answer: Response) -> Response:
    Cookies(context.public_url).forget(answer, COOKIE)
    return answer
