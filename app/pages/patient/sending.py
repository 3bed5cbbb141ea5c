"""Sending the form. Whatever is wrong, the answers stay on the page, and a safety statement is heard."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.care.check_ins.corrections import record_or_correct
from app.care.check_ins.sources import CheckInInFutureError, CheckInTooOldError, FromDevice
from app.care.intake.hearing import report_disclosures
from app.care.patients import browser_sessions
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.patient.check_in_form import (
    ID_FIELD,
    draft_of,
    read_answers,
    says_self_harm,
)
from app.pages.patient.check_in_pages import OUTCOME, form_page, thanks_page
from app.pages.patient.opened_form import open_form, read_opened
from app.pages.patient.questionnaire_pages import due_questionnaires
from app.pages.patient.sign_in_pages import sign_in_page
from app.pages.patient.trend import trend_after_sending
from app.pages.patient.visitor import Visitor
from app.web.pages.answers import PageAnswer
from app.web.pages.forged_forms import FormExpiredError
from app.web.pages.forms import Form
from app.web.pages.page_route import status_of

_WORDS_BY_CODE: Final[Mapping[str, str]] = {
    "check-in-too-old": "wrong_too_old",
    "check-in-in-future": "wrong_clock",
    "consent-withdrawn": "wrong_withdrawn",
    "patient-archived": "wrong_archived",
    "form-expired": "wrong_form_expired",
}

# The home screen is offered from the third check-in day of two weeks on, for as long as it may be news.
_INSTALL_AFTER: Final = range(3, 8)
# From this status on it is our fault.
FAULT: Final = 500


async def send(context: AppContext, visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form as it was sent from a page of ours."""
    if visitor.caller is None:
        return await _keep_through_sign_in(context, visitor, form)
    try:
        visitor.refuse_forged(context, form)
    except FormExpiredError as error:
        return await refused(context, visitor, form, error)
    return await send_trusted(context, visitor, form)


async def send_trusted(context: AppContext, visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form that is known to be this person's."""
    now = context.clock.now()
    opened = read_opened(form, ID_FIELD)
    if opened is None:
        return await unfinished(context, visitor, form, {"form": "wrong_form"})
    settled = opened.settled(form, now)
    if settled is None:
        choices = opened.day_choices(now, visitor.language)
        return await unfinished(context, visitor, form, {}, day_choices=choices, status=409)
    draft, mistakes = read_answers(form, settled)
    if draft is None:
        return await unfinished(context, visitor, form, mistakes)
    try:
        sent = await record_or_correct(context, _source(visitor), draft)
    except RefusalError as error:
        return await refused(context, visitor, form, error)
    return thanks_page(
        context,
        visitor,
        sent,
        form_id=draft.id,
        trend=(trend := await trend_after_sending(visitor)),
        offers_install=trend is not None and trend.check_in_days in _INSTALL_AFTER,
        questionnaires=await due_questionnaires(visitor),
    )


async def unfinished(
    context: AppContext,
    visitor: Visitor,
    form: Form,
    mistakes: Mapping[str, str],
    *,
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 422,
) -> PageAnswer:
    """Show the form again with what is wrong in it; everything that was answered stays."""
    clinic_notified = (await report_disclosures(form, failed=status >= FAULT)).clinic_notified
    opened = read_opened(form, ID_FIELD) or open_form(context.clock.now(), visitor.time_zone)
    answer = form_page(
        context,
        visitor,
        opened,
        form=form,
        mistakes=mistakes,
        day_choices=day_choices,
        status=status,
        help_first=says_self_harm(form),
        clinic_notified=clinic_notified,
    )
    # For a phone that sends what it kept: again by itself, or not before the person has looked at it.
    answer.headers[OUTCOME] = "later" if status >= FAULT else "again"
    return answer


async def refused(context: AppContext, visitor: Visitor, form: Form, error: Exception) -> PageAnswer:
    """Show the form again, with why it could not be kept."""
    name = _WORDS_BY_CODE.get(error.code, "wrong_away") if isinstance(error, RefusalError) else "wrong_away"
    if isinstance(error, CheckInTooOldError | CheckInInFutureError):
        form = _for_today(context, visitor, form)
    return await unfinished(context, visitor, form, {"form": name}, status=status_of(error))


def _for_today(context: AppContext, visitor: Visitor, form: Form) -> Form:
    """Open the form again for today, under its own id, with its answers."""
    known = read_opened(form, ID_FIELD)
    opened = open_form(context.clock.now(), visitor.time_zone, form_id=known.id if known else None)
    return form.filled(opened.fields(ID_FIELD) | {"answered_at": ""})


async def _keep_through_sign_in(context: AppContext, visitor: Visitor, form: Form) -> PageAnswer:
    """Carry the answers through signing in. Nothing is kept here: they are on the page, and only there."""
    answer = sign_in_page(
        context,
        visitor,
        draft=draft_of(form),
        status=401,
        help_first=says_self_harm(form),
        clinic_notified=(await report_disclosures(form)).clinic_notified,
    )
    answer.headers[OUTCOME] = "sign-in"
    return answer


def _source(visitor: Visitor) -> FromDevice:
    return FromDevice(token=browser_sessions.reference_of(visitor.session))
