"""Questionnaires as they are shown, and what is shown after one was sent: never a score."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import Questionnaire, all_questionnaires
from app.care.monitoring.schedule import schedule_of_patient
from app.clinical.check_ins import zone_of
from app.clinical.long_exposure import LONG_EXPOSURE
from app.context import AppContext
from app.foundation.logs import where
from app.pages.patient.opened_form import OpenedForm
from app.pages.patient.questionnaire_form import ID_FIELD, field_of
from app.pages.patient.rendering import render
from app.pages.patient.visitor import Visitor
from app.pages.patient.words import say_in
from app.web.pages.answers import PageAnswer
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.wording import write_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedQuestionnaire:
    """A questionnaire that the patient may open, and whether it is due by now."""

    path: str
    title: str
    is_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """What is wrong with a form: items without a usable answer, by number, or something with all of it."""

    items: Sequence[int] = ()
    sentence: str = ""


def path_of(asked: Questionnaire) -> str:
    """Say where a questionnaire is."""
    return f"/p/questionnaires/{asked.scale.key}"


def questionnaire_page(
    context: AppContext,
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
    say, wrong = say_in(visitor.language), mistakes or Mistakes()
    return render(
        context,
        visitor,
        "questionnaire.html",
        here=path_of(asked),
        status=status,
        help_first=help_first,
        clinic_notified=clinic_notified,
        hidden=opened.fields(ID_FIELD),
        wording=asked.wording,
        questions=[
            (number, field_of(number), text)
            for number, text in zip(asked.scale.items, asked.wording.items, strict=True)
        ],
        form=form,
        missing=set(wrong.items),
        mistake=say(wrong.sentence) if wrong.sentence else "",
        day_choices=day_choices,
    )


def questionnaire_thanks(
    context: AppContext, visitor: Visitor, asked: Questionnaire, kept: Assessment
) -> PageAnswer:
    """Say that it is kept, and nothing of what it means; after an answer that points to self-harm, help first."""
    say, stored = say_in(visitor.language), kept.stored
    if kept.created:
        sentence = say("questionnaire_kept")
    else:
        at = write_moment(stored.received_at, zone_of(stored.time_zone), visitor.language)
        sentence = say("questionnaire_before", at=at)
    return render(
        context,
        visitor,
        "questionnaire_thanks.html",
        here=path_of(asked),
        help_first=kept.safety_event_id is not None,
        kept_sentence=sentence,
    )


async def offered_questionnaires(visitor: Visitor) -> list[OfferedQuestionnaire]:
    """List the questionnaires, saying which is due; they are offered also while that cannot be worked out."""
    asked = await _asked(visitor)
    return [
        OfferedQuestionnaire(
            path=path_of(one), title=one.wording.title, is_due=asked.get(one.scale.key, False)
        )
        for one in all_questionnaires(locale=visitor.language, long_exposure=LONG_EXPOSURE.key in asked)
    ]


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
