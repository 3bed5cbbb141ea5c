"""The questionnaires' pages: shown, sent, and kept on the page when one cannot be taken."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.assessments.questionnaires import questionnaire
from app.patient_pages.consent_pages import ASK_FIRST, must_answer_first
from app.patient_pages.opened_form import open_form
from app.patient_pages.page_route import PatientPageRoute
from app.patient_pages.questionnaire_pages import questionnaire_page
from app.patient_pages.questionnaire_sending import questionnaire_refused, send_questionnaire
from app.patient_pages.visitor import SignedInVisitor, visitor, visitor_without_look_up
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.forged_forms import refuse_foreign
from app.web.pages.forms import Form
from app.web.pages.page_route import read_form_to_keep


class QuestionnaireRoute(PatientPageRoute):
    """Whatever fails while a questionnaire is sent, its answers come back on the page."""

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        equipment: Equipment = request.app.state.equipment
        found = visitor_without_look_up(request, equipment)
        asked = questionnaire(request.path_params["key"], locale=found.language)
        return await questionnaire_refused(equipment, found, asked, form, error)


router = APIRouter(prefix="/p/questionnaires", route_class=QuestionnaireRoute, include_in_schema=False)


@router.get("/{key}")
async def show_questionnaire(key: str, equipment: EquipmentNeeded, found: SignedInVisitor) -> Response:
    """Show a questionnaire, opened now: sent twice, it is one."""
    asked = questionnaire(key, locale=found.language)
    if must_answer_first(found):
        return RedirectResponse(ASK_FIRST, 303)
    opened = open_form(equipment.clock.now(), found.signed_in.time_zone)
    return questionnaire_page(equipment, found, asked, opened)


@router.post("/{key}")
async def send_form(key: str, request: Request, equipment: EquipmentNeeded) -> Response:
    """Keep what was answered. Who may: whoever is signed in; others get their own answers back to sign in with."""
    refuse_foreign(request, equipment.public_url)
    questionnaire(key, locale="en")  # one that is not known is no page, before anything is read
    form = await read_form_to_keep(request)
    found = await visitor(request, equipment)
    asked = questionnaire(key, locale=found.language)
    return await send_questionnaire(equipment, found, asked, form)
