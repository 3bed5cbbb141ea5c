"""Sending a questionnaire. Whatever is wrong, the answers stay on the page, and one about self-harm is heard."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.care.assessments import commands
from app.care.assessments.questionnaires import Questionnaire
from app.care.intake.hearing import report_disclosures
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.patient.opened_form import OpenedForm, open_form, read_opened
from app.pages.patient.questionnaire_form import ID_FIELD, answered, says_self_harm
from app.pages.patient.questionnaire_pages import Mistakes, questionnaire_page, questionnaire_thanks
from app.pages.patient.sending import FAULT
from app.pages.patient.visitor import Visitor
from app.web.pages.answers import PageAnswer
from app.web.pages.forged_forms import FormExpiredError
from app.web.pages.forms import Form
from app.web.pages.page_route import status_of

_WORDS_BY_CODE: Final[Mapping[str, str]] = {
    "assessment-conflict": "questionnaire_conflict",
    "assessment-exists": "questionnaire_conflict",
    "assessment-too-old": "wrong_too_old",
    "assessment-in-future": "wrong_clock",
    "consent-withdrawn": "wrong_withdrawn",
    "patient-archived": "wrong_archived",
    "form-expired": "wrong_form_expired",
}
# The form cannot be kept under its id or its time: it comes back as another one, of now.
_OPENED_AGAIN: Final = frozenset(
    {"assessment-conflict", "assessment-exists", "assessment-too-old", "assessment-in-future"}
)


async def send_questionnaire(
    context: AppContext, visitor: Visitor, asked: Questionnaire, form: Form
) -> PageAnswer:
    """Take a questionnaire as it was sent from a page of ours."""
    if visitor.caller is None:
        signed_out = Mistakes(sentence="questionnaire_signed_out")
        return await shown_again(context, visitor, asked, form, signed_out, status=401)
    try:
        visitor.refuse_forged(context, form)
    except FormExpiredError as error:
        return await questionnaire_refused(context, visitor, asked, form, error)
    opened, now = read_opened(form, ID_FIELD), context.clock.now()
    if opened is None:
        return await shown_again(context, visitor, asked, form, Mistakes(sentence="wrong_form"))
    settled = opened.settled(form, now)
    if settled is None:
        choices = opened.day_choices(now, visitor.language)
        return await shown_again(context, visitor, asked, form, Mistakes(), day_choices=choices, status=409)
    return await _enter(context, visitor, asked, form, settled)


async def questionnaire_refused(
    context: AppContext, visitor: Visitor, asked: Questionnaire, form: Form, error: Exception
) -> PageAnswer:
    """Show the form again, with why it could not be kept: the items that are missing, or a sentence."""
    code = error.code if isinstance(error, RefusalError) else ""
    items = sorted({number for one in getattr(error, "findings", ()) for number in one.get("items", ())})
    mistakes = Mistakes(items=items) if items else Mistakes(sentence=_WORDS_BY_CODE.get(code, "wrong_away"))
    return await shown_again(
        context, visitor, asked, form, mistakes, status=status_of(error), again=code in _OPENED_AGAIN
    )


async def shown_again(
    context: AppContext,
    visitor: Visitor,
    asked: Questionnaire,
    form: Form,
    mistakes: Mistakes,
    *,
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 422,
    again: bool = False,
) -> PageAnswer:
    """Show the form again with everything that was answered; an answer about self-harm is heard all the same."""
    opened = None if again else read_opened(form, ID_FIELD)
    return questionnaire_page(
        context,
        visitor,
        asked,
        opened or open_form(context.clock.now(), visitor.time_zone),
        form=form,
        mistakes=mistakes,
        day_choices=day_choices,
        status=status,
        help_first=says_self_harm(form, asked),
        clinic_notified=(await report_disclosures(form, failed=status >= FAULT)).clinic_notified,
    )


async def _enter(
    context: AppContext, visitor: Visitor, asked: Questionnaire, form: Form, opened: OpenedForm
) -> PageAnswer:
    caller = visitor.signed_in
    try:
        kept = await commands.enter(visitor.work, caller.patient_id, answered(form, asked, opened))
    except RefusalError as error:
        await visitor.work.start_over()
        # With the day that was chosen, so that it is not asked for again.
        chosen = form.filled(opened.fields(ID_FIELD))
        return await questionnaire_refused(context, visitor, asked, chosen, error)
    return questionnaire_thanks(context, visitor, asked, kept)
