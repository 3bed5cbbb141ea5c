"""Sending the form. Whatever is wrong, the answers stay on the page, and a safety statement is heard."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.check_ins.corrections import record_or_correct
from app.check_ins.refused_statements import report_from_ended_browser, report_refused
from app.check_ins.sources import CheckInInFutureError, CheckInTooOldError, FromDevice
from app.foundation.errors import RefusalError
from app.patient_pages.check_in_form import (
    ID_FIELD,
    draft_of,
    read_answers,
    says_self_harm,
)
from app.patient_pages.check_in_pages import OUTCOME, form_page, thanks_page
from app.patient_pages.opened_form import open_form, read_opened
from app.patient_pages.questionnaire_pages import due_questionnaires
from app.patient_pages.sign_in_pages import sign_in_page
from app.patient_pages.trend import trend_after_sending
from app.patient_pages.visitor import Visitor
from app.patients import browser_sessions
from app.web.equipment import Equipment
from app.web.failed_reports import heard
from app.web.pages.answers import PageAnswer
from app.web.pages.forged_forms import FormExpiredError
from app.web.pages.forms import Form
from app.web.pages.page_route import status_of

_WORDS_BY_CODE: Final[Mapping[str, str]] = {
    "check-in-too-old": "wrong_too_old",
    "check-in-in-future": "wrong_clock",
    "consent-withdrawn": "wrong_withdrawn",
    "form-expired": "wrong_form_expired",
}

# From this status on it is our fault.
FAULT: Final = 500


async def send(equipment: Equipment, visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form as it was sent from a page of ours."""
    if visitor.caller is None:
        return await _keep_through_sign_in(equipment, visitor, form)
    try:
        visitor.refuse_forged(equipment, form)
    except FormExpiredError as error:
        return await refused(equipment, visitor, form, error)
    return await send_trusted(equipment, visitor, form)


async def send_trusted(equipment: Equipment, visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form that is known to be this person's."""
    now = equipment.clock.now()
    opened = read_opened(form, ID_FIELD)
    if opened is None:
        return await unfinished(equipment, visitor, form, {"form": "wrong_form"})
    settled = opened.settled(form, now)
    if settled is None:
        choices = opened.day_choices(now, visitor.language)
        return await unfinished(equipment, visitor, form, {}, day_choices=choices, status=409)
    told, mistakes = read_answers(form, settled)
    if told is None:
        return await unfinished(equipment, visitor, form, mistakes)
    try:
        sent = await record_or_correct(equipment, _source(visitor), told)
    except RefusalError as error:
        return await refused(equipment, visitor, form, error)
    return thanks_page(
        equipment,
        visitor,
        sent,
        form_id=told.id,
        trend=await trend_after_sending(equipment, visitor),
        questionnaires=await due_questionnaires(equipment, visitor),
    )


async def unfinished(
    equipment: Equipment,
    visitor: Visitor,
    form: Form,
    mistakes: Mapping[str, str],
    *,
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 422,
) -> PageAnswer:
    """Show the form again with what is wrong in it; everything that was answered stays."""
    clinic_told = await hear(equipment, visitor, form)
    opened = read_opened(form, ID_FIELD) or open_form(equipment.clock.now(), visitor.time_zone)
    answer = form_page(
        equipment,
        visitor,
        opened,
        form=form,
        mistakes=mistakes,
        day_choices=day_choices,
        status=status,
        help_first=says_self_harm(form),
        clinic_told=clinic_told,
    )
    # For a phone that sends what it kept: again by itself, or not before the person has looked at it.
    answer.headers[OUTCOME] = "later" if status >= FAULT else "again"
    return answer


async def refused(equipment: Equipment, visitor: Visitor, form: Form, error: Exception) -> PageAnswer:
    """Show the form again, with why it could not be kept."""
    name = _WORDS_BY_CODE.get(error.code, "wrong_away") if isinstance(error, RefusalError) else "wrong_away"
    if isinstance(error, CheckInTooOldError | CheckInInFutureError):
        form = _for_today(equipment, visitor, form)
    return await unfinished(equipment, visitor, form, {"form": name}, status=status_of(error))


async def hear(equipment: Equipment, visitor: Visitor, form: Form) -> bool:
    """Set the statement in a form that is not kept on its road; says whether the clinic is told."""
    return says_self_harm(form) and await heard(_report(equipment, visitor, form))


async def _report(equipment: Equipment, visitor: Visitor, form: Form) -> bool:
    said = {name: value for name, value in form.items() if name not in {"form_token", "code"}}
    if visitor.caller is None:
        return await report_from_ended_browser(equipment, visitor.session, said)
    await report_refused(equipment, _source(visitor), [said], [False])
    return True


def _for_today(equipment: Equipment, visitor: Visitor, form: Form) -> Form:
    """Open the form anew for today, under its own id, with its answers."""
    known = read_opened(form, ID_FIELD)
    opened = open_form(equipment.clock.now(), visitor.time_zone, form_id=known.id if known else None)
    return form.filled(opened.fields(ID_FIELD) | {"answered_at": ""})


async def _keep_through_sign_in(equipment: Equipment, visitor: Visitor, form: Form) -> PageAnswer:
    """Carry the answers through signing in. Nothing is kept here: they are on the page, and only there."""
    answer = sign_in_page(
        equipment,
        visitor,
        draft=draft_of(form),
        status=401,
        help_first=says_self_harm(form),
        clinic_told=await hear(equipment, visitor, form),
    )
    answer.headers[OUTCOME] = "sign-in"
    return answer


def _source(visitor: Visitor) -> FromDevice:
    return FromDevice(token=browser_sessions.reference_of(visitor.session))
