"""The check-in form as it is shown, and what is shown after it was sent."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.check_ins.corrections import Sending, Sent
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.pages.patient.check_in_form import ID_FIELD, IDENTITY, SCORES, day_sentence, night_sentence
from app.pages.patient.opened_form import OpenedForm
from app.pages.patient.questionnaire_pages import OfferedQuestionnaire
from app.pages.patient.rendering import render
from app.pages.patient.trend import ShownTrend
from app.pages.patient.visitor import Visitor
from app.pages.patient.words import say_in
from app.storage.check_ins import StoredCheckIn
from app.web.pages.answers import PageAnswer
from app.web.pages.cookies import Cookies
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.wording import Say, write_day, write_moment

CHECK_IN: Final = "/p/check-in"
# Which form this browser has sent: coming back to it means to look at it again, or to fix it.
SENT_FORM: Final = "afterglow-sent"
_REMEMBERED: Final = timedelta(hours=1)
# Shows a phone that sent what it had kept what became of it.
OUTCOME: Final = "afterglow-check-in"
NOTE_LENGTH: Final = 4000
_NUMBERS: Final = tuple(str(number) for number in range(11))


def form_page(
    context: AppContext,
    visitor: Visitor,
    opened: OpenedForm,
    *,
    form: Form = NOTHING_FILLED_IN,
    mistakes: Mapping[str, str] | None = None,
    title: str = "",
    earlier_sentence: str = "",
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 200,
    help_first: bool = False,
    clinic_notified: bool = False,
) -> PageAnswer:
    """Show the form, with what was answered before; ``mistakes`` names the sentence for each field."""
    say = say_in(visitor.language)
    return render(
        context,
        visitor,
        "check_in.html",
        here=CHECK_IN,
        status=status,
        help_first=help_first,
        clinic_notified=clinic_notified,
        for_later=False,
        title=title or say("check_in_title"),
        hidden=opened.fields(ID_FIELD) | _meant(form, day_choices),
        form=form,
        mistakes={field: say(name) for field, name in (mistakes or {}).items()},
        earlier_sentence=earlier_sentence,
        day_choices=day_choices,
        day_sentence=day_sentence(opened, say, visitor.language),
        night_sentence=night_sentence(opened, say, visitor.language),
        scale_numbers=_NUMBERS,
        note_length=NOTE_LENGTH,
    )


def shell_page(context: AppContext, visitor: Visitor) -> PageAnswer:
    """Show the form as a phone keeps it for times without a connection: nobody's, of no day yet."""
    return render(
        context,
        visitor,
        "check_in.html",
        here=CHECK_IN,
        for_later=True,
        title=say_in(visitor.language)("check_in_title"),
        hidden=dict.fromkeys(IDENTITY, ""),
        clinic_notified=False,
        form=NOTHING_FILLED_IN,
        mistakes={},
        earlier_sentence="",
        day_choices=(),
        day_sentence="",
        night_sentence="",
        scale_numbers=_NUMBERS,
        note_length=NOTE_LENGTH,
    )


def _meant(form: Form, day_choices: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Carry along which moment the answers are about, unless the person is asked for it."""
    return {} if day_choices or not form["answered_at"] else {"answered_at": form["answered_at"]}


def thanks_page(
    context: AppContext,
    visitor: Visitor,
    sent: Sent,
    *,
    form_id: UUID,
    trend: ShownTrend | None,
    offers_install: bool = False,
    questionnaires: Sequence[OfferedQuestionnaire] = (),
) -> PageAnswer:
    """Say that it is kept; after a safety statement, help comes first."""
    say, stored = say_in(visitor.language), sent.stored
    answer = render(
        context,
        visitor,
        "thanks.html",
        here=CHECK_IN,
        help_first=stored.check_in.self_harm_thoughts,
        kept_sentence=_kept_sentence(say, sent, visitor.language),
        asked_booster=stored.check_in.asks_about_booster,
        answers=_answers(say, stored),
        trend=trend,
        offers_install=offers_install,
        questionnaires=questionnaires,
    )
    answer.headers[OUTCOME] = "kept"
    Cookies(context.public_url).write(answer, SENT_FORM, str(form_id), lasts=_REMEMBERED)
    return answer


def _kept_sentence(say: Say, sent: Sent, language: str) -> str:
    stored = sent.stored
    if sent.sending is Sending.CORRECTED:
        return say("thanks_corrected")
    if sent.sending is Sending.KEPT_BEFORE:
        zone = zone_of(stored.check_in.time_zone)
        return say("thanks_before", at=write_moment(stored.received_at, zone, language))
    return say("thanks_kept", day=write_day(stored.check_in_day, language))


def _answers(say: Say, stored: StoredCheckIn) -> list[tuple[str, str]]:
    sent = stored.check_in
    shown = [
        (say(name), say("not_answered") if value is None else say("out_of_ten", value=_plain(value)))
        for name, value in ((name, getattr(sent, name)) for name in SCORES)
    ]
    if sent.sleep_hours is not None:
        shown.append((say("sleep_hours"), say("hours", value=_plain(sent.sleep_hours))))
    return shown


def _plain(value: float) -> str:
    return f"{value:g}"
