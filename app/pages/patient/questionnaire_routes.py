"""The questionnaires' pages: shown, sent, and kept on the page when one cannot be taken."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.assessments.questionnaires import questionnaire
from app.clinical.long_exposure import LONG_EXPOSURE
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.pages.patient.consent_pages import ASK_FIRST, must_answer_first
from app.pages.patient.opened_form import open_form
from app.pages.patient.page_route import PatientPageRoute
from app.pages.patient.questionnaire_pages import asks_long_exposure, questionnaire_page
from app.pages.patient.questionnaire_sending import questionnaire_refused, send_questionnaire
from app.pages.patient.visitor import SignedInVisitor, visiting, visitor_without_look_up
from app.web.dependencies import ContextNeeded
from app.web.pages.forged_forms import refuse_foreign
from app.web.pages.forms import Form
from app.web.pages.page_route import read_form_to_keep


class QuestionnaireRoute(PatientPageRoute):
    """Whatever fails while a questionnaire is sent, its answers come back on the page."""

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        context: AppContext = request.app.state.context
        found = visitor_without_look_up(request, context)
        asked = questionnaire(request.path_params["key"], locale=found.language)
        return await questionnaire_refused(context, found, asked, form, error)


router = APIRouter(prefix="/p/questionnaires", route_class=QuestionnaireRoute, include_in_schema=False)


@router.get("/{key}")
async def show_questionnaire(key: str, context: ContextNeeded, found: SignedInVisitor) -> Response:
    """Show a questionnaire, opened now: sent twice, it is one."""
    asked = questionnaire(key, locale=found.language)
    if must_answer_first(found):
        return RedirectResponse(ASK_FIRST, 303)
    if asked.scale.key == LONG_EXPOSURE.key and not await asks_long_exposure(found):
        raise NotFoundError
    opened = open_form(context.clock.now(), found.signed_in.time_zone)
    return questionnaire_page(context, found, asked, opened)


@router.post("/{key}")
async def send_form(key: str, request: Request, context: ContextNeeded) -> Response:
    """Keep what was answered. Who may: whoever is signed in; others get their own answers back to sign in with."""
    refuse_foreign(request, context.public_url)
    questionnaire(key, locale="en")  # one that is not known is no page, before anything is read
    form = await read_form_to_keep(request)
    async with visiting(request, context) as found:
        asked = questionnaire(key, locale=found.language)
        return await send_questionnaire(context, found, asked, form)
