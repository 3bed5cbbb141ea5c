"""The check-in's page: the form shown, sent and kept when it cannot be sent; a safety statement is always heard."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.check_ins.corrections import Sending, Sent, record_or_correct
from app.care.check_ins.queries import current_check_in, open_note
from app.care.check_ins.sources import CheckInInFutureError, CheckInTooOldError, FromDevice
from app.care.intake.hearing import report_disclosures
from app.care.patients import devices
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.foundation.translations import Words, number_written, say
from app.pages.patient.check_in_form import (
    ID_FIELD,
    IDENTITY,
    SCORES,
    answers_beside_scores,
    day_sentence,
    draft_of,
    night_sentence,
    read_answers,
    says_self_harm,
)
from app.pages.patient.consent_form import ASK_FIRST, must_answer_first
from app.pages.patient.history_page import (
    ShownTrend,
    can_still_be_corrected,
    moment_of_added,
    own_report,
    trend_after_sending,
)
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
from app.pages.patient.questionnaire_page import (
    OfferedQuestionnaire,
    due_questionnaires,
    questionnaires_for_everyone,
)
from app.pages.patient.sign_in_form import sign_in_page
from app.pages.patient.visitor import SignedInVisitor, Visitor, visiting, visitor_without_look_up
from app.storage.check_ins import StoredCheckIn
from app.web.dependencies import ContextNeeded
from app.web.pages.answers import PageAnswer
from app.web.pages.cookies import Cookies
from app.web.pages.forms import NOTHING_FILLED_IN, Form, FormExpiredError, refuse_foreign
from app.web.pages.page_route import read_form_to_keep, status_of
from app.web.pages.wording import write_day, write_moment
from app.web.schemas import read_counter

CHECK_IN: Final = "/p/check-in"
# Which form this browser has sent: coming back to it means to look at it again, or to fix it.
SENT_FORM: Final = "afterglow-sent"
_REMEMBERED: Final = timedelta(hours=1)
NOTE_LENGTH: Final = 4000
# The home screen is offered from the third check-in day of two weeks on, for as long as it may be news.
_INSTALL_AFTER: Final = range(3, 8)
_NUMBERS: Final = tuple(str(number) for number in range(11))


def form_page(
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
    """Show the form, with what was answered before; ``mistakes`` has the sentence for each field."""
    return render(
        visitor,
        "check_in.html",
        here=CHECK_IN,
        status=status,
        help_first=help_first,
        clinic_notified=clinic_notified,
        for_later=False,
        questionnaires=(),
        title=title or say("How are you?"),
        hidden=opened.fields(ID_FIELD) | _meant(form, day_choices),
        form=form,
        mistakes=mistakes or {},
        earlier_sentence=earlier_sentence,
        day_choices=day_choices,
        day_sentence=day_sentence(opened, visitor.language),
        night_sentence=night_sentence(opened, visitor.language),
        scale_numbers=_NUMBERS,
        note_length=NOTE_LENGTH,
    )


def shell_page(visitor: Visitor) -> PageAnswer:
    """Show the form as a phone keeps it for times without a connection: nobody's, of no day yet."""
    return render(
        visitor,
        "check_in.html",
        here=CHECK_IN,
        for_later=True,
        questionnaires=questionnaires_for_everyone(visitor),
        title=say("How are you?"),
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
    visitor: Visitor,
    sent: Sent,
    *,
    form_id: UUID,
    trend: ShownTrend | None,
    offers_install: bool = False,
    questionnaires: Sequence[OfferedQuestionnaire] = (),
) -> PageAnswer:
    """Say that it is kept; after a safety statement, help comes first."""
    stored = sent.stored
    answer = render(
        visitor,
        "thanks.html",
        here=CHECK_IN,
        help_first=stored.check_in.self_harm_thoughts,
        kept_sentence=_kept_sentence(sent, visitor.language),
        asked_booster=stored.check_in.asks_about_booster,
        answers=_answers(stored),
        trend=trend,
        offers_install=offers_install,
        questionnaires=questionnaires,
    )
    answer.headers[OUTCOME] = "kept"
    Cookies(visitor.context.public_url).write(answer, SENT_FORM, str(form_id), lasts=_REMEMBERED)
    return answer


def _kept_sentence(sent: Sent, language: str) -> str:
    stored = sent.stored
    if sent.sending is Sending.CORRECTED:
        return say("You had sent this check-in before. Your new answers now take the place of the old ones.")
    if sent.sending is Sending.KEPT_BEFORE:
        zone = zone_of(stored.check_in.time_zone)
        return say(
            "This check-in was kept before, on {at}. It counts once.",
            at=write_moment(stored.received_at, zone, language),
        )
    return say("Your check-in for {day} is saved.", day=write_day(stored.check_in_day, language))


def _answers(stored: StoredCheckIn) -> list[tuple[Words, Words]]:
    sent = stored.check_in
    shown = [
        (SCORES[name], say("not answered") if value is None else say("{value} of 10", value=_plain(value)))
        for name, value in ((name, getattr(sent, name)) for name in SCORES)
    ]
    return shown + answers_beside_scores(sent)


def _plain(value: float) -> str:
    return number_written(value)


async def send(visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form as it was sent from a page of ours."""
    if visitor.caller is None:
        return await _keep_through_sign_in(visitor, form)
    try:
        visitor.refuse_forged(form)
    except FormExpiredError as error:
        return await refused(visitor, form, error)
    return await send_trusted(visitor, form)


async def send_trusted(visitor: Visitor, form: Form) -> PageAnswer:
    """Take a form that is known to be this person's."""
    now = visitor.now()
    opened = read_opened(form, ID_FIELD)
    if opened is None:
        return await unfinished(visitor, form, {"form": NOT_READABLE})
    settled = opened.settled(form, now)
    if settled is None:
        choices = opened.day_choices(now, visitor.language)
        return await unfinished(visitor, form, {}, day_choices=choices, status=409)
    draft, mistakes = read_answers(form, settled)
    if draft is None:
        return await unfinished(visitor, form, mistakes)
    try:
        sent = await record_or_correct(visitor.context, _source(visitor), draft)
    except RefusalError as error:
        return await refused(visitor, form, error)
    return thanks_page(
        visitor,
        sent,
        form_id=draft.id,
        trend=(trend := await trend_after_sending(visitor)),
        offers_install=trend is not None and trend.check_in_days in _INSTALL_AFTER,
        questionnaires=await due_questionnaires(visitor),
    )


async def unfinished(
    visitor: Visitor,
    form: Form,
    mistakes: Mapping[str, str],
    *,
    day_choices: Sequence[tuple[str, str]] = (),
    status: int = 422,
) -> PageAnswer:
    """Show the form again with what is wrong in it; everything that was answered stays."""
    clinic_notified = (await report_disclosures(form, failed=status >= FAULT)).clinic_notified
    opened = read_opened(form, ID_FIELD) or open_form(visitor.now(), visitor.time_zone)
    answer = form_page(
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


async def refused(visitor: Visitor, form: Form, error: Exception) -> PageAnswer:
    """Show the form again, with why it could not be kept."""
    if isinstance(error, CheckInTooOldError | CheckInInFutureError):
        form = _for_today(visitor, form)
    return await unfinished(visitor, form, {"form": why_not_kept(error)}, status=status_of(error))


def _for_today(visitor: Visitor, form: Form) -> Form:
    """Open the form again for today, under its own id, with its answers."""
    known = read_opened(form, ID_FIELD)
    opened = open_form(visitor.now(), visitor.time_zone, form_id=known.id if known else None)
    return form.filled(opened.fields(ID_FIELD) | {"answered_at": ""})


async def _keep_through_sign_in(visitor: Visitor, form: Form) -> PageAnswer:
    """Carry the answers through signing in. Nothing is kept here: they are on the page, and only there."""
    answer = sign_in_page(
        visitor,
        draft=draft_of(form),
        status=401,
        help_first=says_self_harm(form),
        clinic_notified=(await report_disclosures(form)).clinic_notified,
    )
    answer.headers[OUTCOME] = "sign-in"
    return answer


def _source(visitor: Visitor) -> FromDevice:
    return FromDevice(token=devices.reference_of(visitor.session))


OPEN_FORM: Final = "afterglow-form"
# So long after opening or sending it, coming back to the form means the same check-in, perhaps to fix it.
_SAME_FORM_FOR: Final = timedelta(minutes=30)


class CheckInRoute(PatientPageRoute):
    """Whatever fails while a form is sent, its answers come back on the page."""

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show the form again with all that was answered."""
        context: AppContext = request.app.state.context
        return await refused(visitor_without_look_up(request, context), form, error)


router = APIRouter(prefix="/p", route_class=CheckInRoute, include_in_schema=False)


@router.get("/check-in")
async def show_form(found: SignedInVisitor) -> Response:
    """Show the form for the present check-in day. A form that is open already stays the same check-in."""
    if must_answer_first(found):
        return RedirectResponse(ASK_FIRST, 303)
    if found.signed_in.archived:
        return render(
            found,
            "message.html",
            here="/p/check-in",
            help_first=True,
            title=say("Nobody at this clinic reads your reports now"),
            sentence=say(
                "You can still look at what you sent. If you need help, please use the numbers here."
            ),
        )
    if other := await _other_form(found):
        return other
    cookies = Cookies(found.context.public_url)
    opened, kept = await _open_form(
        found, cookies.read(found.request, OPEN_FORM), cookies.read(found.request, SENT_FORM)
    )
    answer = form_page(
        found,
        opened,
        form=NOTHING_FILLED_IN if kept is None else _answers_in(found, kept),
        earlier_sentence=_earlier_sentence(found, kept),
    )
    if (written := _as_cookie(opened)) != cookies.read(found.request, OPEN_FORM):
        cookies.write(answer, OPEN_FORM, written, lasts=None)
    return answer


@router.post("/check-in")
async def send_form(request: Request, context: ContextNeeded) -> Response:
    """Keep what was answered. Who may: whoever is signed in; others get their own answers back to sign in with."""
    refuse_foreign(request, context.public_url)
    form = await read_form_to_keep(request)
    async with visiting(request, context) as found:
        return await send(found, form)


async def _other_form(found: Visitor) -> Response | None:
    """Open a form that is not today's: one that was sent and is to be corrected, or a day to add; else None."""
    asked = found.request.query_params
    now, zone = found.now(), found.signed_in.time_zone
    if correct := asked.get("correct"):
        try:
            stored = await own_report(found, UUID(correct))
        except ValueError:
            raise NotFoundError from None
        if not can_still_be_corrected(stored, now):
            raise NotFoundError
        sent = stored.check_in
        opened = OpenedForm(id=UUID(sent.id), opened_at=sent.recorded_at, time_zone=sent.time_zone)
        fields = _answers_in(found, stored).filled({"answered_at": sent.recorded_at.isoformat()})
        title = say("Correct {day}", day=write_day(stored.check_in_day, found.language))
        return form_page(
            found,
            opened,
            form=fields,
            title=title,
            earlier_sentence=say(
                "Your new answers replace the old ones. Your care team can see that you changed them."
            ),
        )
    if (added := moment_of_added(asked.get("day", ""), now, zone)) is None:
        return None
    opened = OpenedForm(id=new_id(), opened_at=added, time_zone=zone)
    return form_page(found, opened, form=Form({"answered_at": added.isoformat()}))


async def _open_form(found: Visitor, cookie: str, sent: str) -> tuple[OpenedForm, StoredCheckIn | None]:
    """Open the form that is open in this browser already, also in another tab; else a new one.

    Two tabs, a double tap and the back button are then one check-in, and other answers are a correction.
    """
    caller, now = found.signed_in, found.now()
    known, fresh = _from_cookie(cookie, caller.time_zone), open_form(now, caller.time_zone)
    if known is None or known.day != fresh.day:
        return fresh, None
    # Most forms were not sent yet: then nothing has to be looked up.
    if sent != str(known.id):
        return (known if now < known.opened_at + _SAME_FORM_FOR else fresh), None
    kept = await current_check_in(found.work, caller.patient_id, known.id)
    if kept is None or now >= kept.received_at + _SAME_FORM_FOR:
        return fresh, None
    return known, kept


def _as_cookie(opened: OpenedForm) -> str:
    return f"{opened.id}.{int(opened.opened_at.timestamp())}"


def _from_cookie(cookie: str, time_zone: str) -> OpenedForm | None:
    form_id, _, opened_at = cookie.partition(".")
    seconds = read_counter(opened_at)
    try:
        if seconds is None:
            return None
        return OpenedForm(
            id=UUID(form_id),
            opened_at=datetime.fromtimestamp(seconds, UTC),
            time_zone=time_zone,
        )
    except (ValueError, OverflowError, OSError):
        return None


def _answers_in(found: Visitor, kept: StoredCheckIn) -> Form:
    """Fill the form with what was sent, so that correcting one answer loses no other.

    Not with the safety statement: it stands by itself, and nobody should have to take it back to fix a number.
    """
    sent = kept.check_in
    fields = {name: _plain(value) for name, value in sent.reported.items() if value is not None}
    fields["note"] = open_note(found.context.vault, found.signed_in.clinic_id, kept) or ""
    fields["asks_about_booster"] = "yes" if sent.asks_about_booster else ""
    return Form(fields)


def _earlier_sentence(found: Visitor, kept: StoredCheckIn | None) -> str:
    if kept is None:
        return ""
    zone = zone_of(kept.check_in.time_zone)
    return say(
        "You sent this check-in on {at}. If something was wrong, correct it here and send it again: it "
        "takes the place of what you sent.",
        at=write_moment(kept.received_at, zone, found.language),
    )
