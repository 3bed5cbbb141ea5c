"""Questionnaires: how they are shown and sent; the answers stay on the page, and one about self-harm is heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.assessments import commands
from app.care.assessments.commands import Form as AnsweredForm
from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import Questionnaire, all_questionnaires, questionnaire
from app.care.disclosures.detector import answer_asks_for
from app.care.intake.hearing import report_disclosures
from app.care.monitoring.schedule import schedule_of_patient
from app.clinical.check_ins import zone_of
from app.clinical.long_exposure import LONG_EXPOSURE
from app.context import AppContext
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.logs import where
from app.foundation.translations import say
from app.pages.patient.consent_form import ASK_FIRST, must_answer_first
from app.pages.patient.opened_form import (
    FAULT,
    NOT_READABLE,
    OUTCOME,
    OpenedForm,
    open_form,
    read_opened,
    why_not_kept,
)
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.visitor import SignedInVisitor, Visitor, visiting, visitor_without_look_up
from app.web.dependencies import ContextNeeded
from app.web.pages.answers import PageAnswer
from app.web.pages.forms import NOTHING_FILLED_IN, Form, FormExpiredError, refuse_foreign
from app.web.pages.page_route import read_form_to_keep, status_of
from app.web.pages.wording import write_moment

ID_FIELD: Final = "form_id"
# More digits than any answer has; what is longer is no answer.
_MOST_DIGITS: Final = 3


def field_of(number: int) -> str:
    """Name the field of an item."""
    return f"item_{number}"


def answered(form: Form, asked: Questionnaire, opened: OpenedForm) -> AnsweredForm:
    """Take the answers as sent; what is no number counts as not answered."""
    return AnsweredForm(
        id=opened.id,
        scale=asked.scale.key,
        taken_at=opened.opened_at,
        time_zone=opened.time_zone,
        items={number: _answer(form[field_of(number)]) for number in asked.scale.items},
    )


def says_self_harm(form: Form, asked: Questionnaire) -> bool:
    """Whether an answer points to self-harm, by the same rule as in whatever a phone sends."""
    item = asked.scale.suicide_item
    return item is not None and answer_asks_for(asked.scale.key, form[field_of(item)]) is not None


def _answer(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedQuestionnaire:
    """A questionnaire that the patient may open, in which language it is, and whether it is due by now."""

    path: str
    title: str
    language: str
    is_due: bool

    @classmethod
    def of(cls, asked: Questionnaire, *, is_due: bool) -> "OfferedQuestionnaire":
        """Offer a questionnaire."""
        return cls(path=path_of(asked), title=asked.wording.title, language=asked.language, is_due=is_due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """What is wrong with a form: items without a usable answer, by number, or something with all of it."""

    items: Sequence[int] = ()
    sentence: str = ""


def path_of(asked: Questionnaire) -> str:
    """Say where a questionnaire is."""
    return f"/p/questionnaires/{asked.scale.key}"


def questionnaire_page(
    visitor: Visitor,
    asked: Questionnaire,
    opened: OpenedForm,
    *,
    form: Form = NOTHING_FILLED_IN,
    mistakes: Mistakes | None = None,
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 200,
    help_first: bool = False,
    clinic_notified: bool = False,
) -> PageAnswer:
    """Show a questionnaire word for word, with what was answered before."""
    wrong = mistakes or Mistakes()
    return render(
        visitor,
        "questionnaire.html",
        here=path_of(asked),
        status=status,
        help_first=help_first,
        clinic_notified=clinic_notified,
        # Which scale it is says the path; the clinic's tablet has one path for all.
        hidden=opened.fields(ID_FIELD) | ({"scale": asked.scale.key} if visitor.is_on_tablet else {}),
        for_later=False,
        **_asked_words(asked),
        form=form,
        missing=set(wrong.items),
        mistake=wrong.sentence,
        day_choices=day_choices,
    )


def questionnaire_shell(visitor: Visitor, asked: Questionnaire) -> PageAnswer:
    """Show a questionnaire as a phone keeps it for times without a connection: nobody's, of no day yet."""
    return render(
        visitor,
        "questionnaire.html",
        here=path_of(asked),
        for_later=True,
        clinic_notified=False,
        hidden=dict.fromkeys((ID_FIELD, "opened_at", "time_zone"), ""),
        **_asked_words(asked),
        form=NOTHING_FILLED_IN,
        missing=(),
        mistake="",
        day_choices=(),
    )


def _asked_words(asked: Questionnaire) -> dict[str, Any]:
    """Give what a questionnaire asks, for its template."""
    worrying = asked.scale.suicide_item
    return {
        "wording": asked.wording,
        "wording_language": asked.language,
        "worrying": "" if worrying is None else field_of(worrying),
        "questions": [
            (number, field_of(number), text)
            for number, text in zip(asked.scale.items, asked.wording.items, strict=True)
        ],
    }


def questionnaire_thanks(visitor: Visitor, asked: Questionnaire, kept: Assessment) -> PageAnswer:
    """Say that it is kept, and nothing of what it means; after an answer that points to self-harm, help first."""
    stored = kept.stored
    if kept.created:
        sentence = say("Your answers are saved. Your clinic can see them.")
    else:
        at = write_moment(stored.received_at, zone_of(stored.time_zone), visitor.language)
        sentence = say("These answers were kept before, on {at}. They count once.", at=at)
    answer = render(
        visitor,
        "questionnaire_thanks.html",
        here=path_of(asked),
        help_first=kept.safety_event_id is not None,
        kept_sentence=sentence,
    )
    answer.headers[OUTCOME] = "kept"
    return answer


async def offered_questionnaires(visitor: Visitor) -> list[OfferedQuestionnaire]:
    """List the questionnaires, saying which is due; they are offered also while that cannot be worked out."""
    asked = await _asked(visitor)
    return [
        OfferedQuestionnaire.of(one, is_due=asked.get(one.scale.key, False))
        for one in all_questionnaires(locale=visitor.language, long_exposure=LONG_EXPOSURE.key in asked)
    ]


def questionnaires_for_everyone(visitor: Visitor) -> list[OfferedQuestionnaire]:
    """List what is offered to whoever it is: where nobody knows who asks, and what is due."""
    asked = all_questionnaires(locale=visitor.language, long_exposure=False)
    return [OfferedQuestionnaire.of(one, is_due=False) for one in asked]


async def asks_long_exposure(visitor: Visitor) -> bool:
    """Say whether the clinic asks about long exposure."""
    return LONG_EXPOSURE.key in await _asked(visitor)


async def due_questionnaires(visitor: Visitor) -> list[OfferedQuestionnaire]:
    """List the questionnaires that are due by now."""
    return [one for one in await offered_questionnaires(visitor) if one.is_due]


async def _asked(visitor: Visitor) -> dict[str, bool]:
    """Give what the patient is asked for from time to time, and whether it is due by now."""
    caller = visitor.signed_in
    try:
        schedule = await schedule_of_patient(visitor.work, caller.patient_id)
    except Exception as error:  # noqa: BLE001 - nobody should read "could not be kept" for want of a link
        structlog.get_logger().error(
            "schedule.failed", error_type=type(error).__name__, error_at=where(error)
        )
        await visitor.work.start_over()
        return {}
    return {one.scale: one.due_on <= schedule.today for one in schedule.questionnaires}


# The form cannot be kept under its id or its time: it comes back as another one, of now.
_OPENED_AGAIN: Final = frozenset(
    {"assessment-conflict", "assessment-exists", "assessment-too-old", "assessment-in-future"}
)


async def send_questionnaire(visitor: Visitor, asked: Questionnaire, form: Form) -> PageAnswer:
    """Take a questionnaire as it was sent from a page of ours."""
    if visitor.caller is None:
        signed_out = Mistakes(
            sentence=say(
                "You were signed out in the meantime. Your answers are still on this page: sign in in "
                "another tab, come back here and press Send."
            )
        )
        return await shown_again(visitor, asked, form, signed_out, status=401)
    try:
        visitor.refuse_forged(form)
    except FormExpiredError as error:
        return await questionnaire_refused(visitor, asked, form, error)
    opened, now = read_opened(form, ID_FIELD), visitor.now()
    if opened is None:
        return await shown_again(visitor, asked, form, Mistakes(sentence=NOT_READABLE))
    settled = opened.settled(form, now)
    if settled is None:
        choices = opened.day_choices(now, visitor.language)
        return await shown_again(visitor, asked, form, Mistakes(), day_choices=choices, status=409)
    return await _enter(visitor, asked, form, settled)


async def questionnaire_refused(
    visitor: Visitor, asked: Questionnaire, form: Form, error: Exception
) -> PageAnswer:
    """Show the form again, with why it could not be kept: the items that are missing, or a sentence."""
    code = error.code if isinstance(error, RefusalError) else ""
    items = sorted({number for one in getattr(error, "findings", ()) for number in one.get("items", ())})
    mistakes = Mistakes(items=items) if items else Mistakes(sentence=why_not_kept(error))
    return await shown_again(
        visitor, asked, form, mistakes, status=status_of(error), again=code in _OPENED_AGAIN
    )


async def shown_again(
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
    answer = questionnaire_page(
        visitor,
        asked,
        opened or open_form(visitor.now(), visitor.time_zone),
        form=form,
        mistakes=mistakes,
        day_choices=day_choices,
        status=status,
        help_first=says_self_harm(form, asked),
        clinic_notified=(await report_disclosures(form, failed=status >= FAULT)).clinic_notified,
    )
    # For a phone that sends what it kept: again by itself, or not before the person has looked at it.
    signed_out = visitor.caller is None
    answer.headers[OUTCOME] = "later" if status >= FAULT else "sign-in" if signed_out else "again"
    return answer


async def _enter(visitor: Visitor, asked: Questionnaire, form: Form, opened: OpenedForm) -> PageAnswer:
    caller = visitor.signed_in
    try:
        kept = await commands.enter(visitor.work, caller.patient_id, answered(form, asked, opened))
    except RefusalError as error:
        await visitor.work.start_over()
        # With the day that was chosen, so that it is not asked for again.
        chosen = form.filled(opened.fields(ID_FIELD))
        return await questionnaire_refused(visitor, asked, chosen, error)
    return questionnaire_thanks(visitor, asked, kept)


class QuestionnaireRoute(PatientPageRoute):
    """Whatever fails while a questionnaire is sent, its answers come back on the page."""

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        context: AppContext = request.app.state.context
        found = visitor_without_look_up(request, context)
        asked = questionnaire(request.path_params["key"], locale=found.language)
        return await questionnaire_refused(found, asked, form, error)


router = APIRouter(prefix="/p/questionnaires", route_class=QuestionnaireRoute, include_in_schema=False)


@router.get("/{key}")
async def show_questionnaire(key: str, found: SignedInVisitor) -> Response:
    """Show a questionnaire, opened now: sent twice, it is one."""
    asked = questionnaire(key, locale=found.language)
    if must_answer_first(found):
        return RedirectResponse(ASK_FIRST, 303)
    if asked.scale.key == LONG_EXPOSURE.key and not await asks_long_exposure(found):
        raise NotFoundError
    opened = open_form(found.now(), found.signed_in.time_zone)
    return questionnaire_page(found, asked, opened)


@router.post("/{key}")
async def send_form(key: str, request: Request, context: ContextNeeded) -> Response:
    """Keep what was answered. Who may: whoever is signed in; others get their own answers back to sign in with."""
    refuse_foreign(request, context.public_url)
    questionnaire(key, locale="en")  # one that is not known is no page, before anything is read
    form = await read_form_to_keep(request)
    async with visiting(request, context) as found:
        asked = questionnaire(key, locale=found.language)
        return await send_questionnaire(found, asked, form)
