"""The settings as they are shown: zone, language, reminders, where one is signed in, one's rights."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.consent import erasure
from app.care.patients import devices
from app.care.patients.commands import DetailsChange, change_patient
from app.care.patients.consent_standing import ConsentStanding
from app.care.patients.queries import reminders_of
from app.care.patients.reminding import AskedInQuietHoursError, ReminderChoices
from app.care.patients.schemas import read_reminders
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.text import InvisibleCharacterError
from app.foundation.translations import LANGUAGES, say
from app.foundation.zones import PseudoTimeZoneError, UnknownTimeZoneError, choosable_zones, read_zone
from app.outbox import Channel
from app.pages.patient.page_route import SIGN_IN, PatientPageRoute, render
from app.pages.patient.questionnaire_page import offered_questionnaires
from app.pages.patient.visitor import LANGUAGE, SESSION, SignedInVisitor, Visitor, read_own_form
from app.web.dependencies import ContextNeeded
from app.web.pages.cookies import Cookies
from app.web.pages.forms import NOTHING_FILLED_IN, Form, OwnFormOnly
from app.web.pages.wording import write_moment
from app.web.problems import InvalidRequestError
from app.web.reading import field_of

SETTINGS: Final = "/p/settings"
REMINDER_FIELDS: Final = ("ask_at", "email", "quiet_from", "quiet_until", "paused_until")


async def settings_page(
    context: AppContext,
    visitor: Visitor,
    *,
    notice: str = "",
    mistakes: Mapping[str, str] | None = None,
    form: Form = NOTHING_FILLED_IN,
    status: int = 200,
) -> Response:
    """Show what can be chosen; what was typed stays, and ``mistakes`` has the sentence for each field."""
    caller = visitor.signed_in
    wall = zone_of(caller.time_zone)
    listed = await devices.list_devices(visitor.work, caller.patient_id)
    return render(
        context,
        visitor,
        "settings.html",
        here=SETTINGS,
        status=status,
        notice=notice,
        mistakes=mistakes or {},
        zone=form["time_zone"] or caller.time_zone,
        reminders=await _reminders(visitor, form),
        zones=choosable_zones(),
        questionnaires=await offered_questionnaires(visitor),
        devices=[_shown(one, visitor, wall) for one in listed],
        erasure_asked=await _erasure_asked(visitor),
        has_withdrawn=caller.consent is ConsentStanding.WITHDRAWN,
    )


async def _erasure_asked(visitor: Visitor) -> str:
    """Say since when a request to be erased waits for the clinic; empty when none does."""
    caller = visitor.signed_in
    asked = await erasure.list_of_patient(visitor.work, caller.patient_id)
    waiting = [one for one in asked if one.decided_at is None]
    if not waiting:
        return ""
    at = write_moment(waiting[-1].requested_at, zone_of(caller.time_zone), visitor.language)
    return say("You have asked for your data to be erased, on {at}. Your clinic will answer you.", at=at)


async def _reminders(visitor: Visitor, form: Form) -> dict[str, str]:
    """Give how the patient wants to be asked, as the fields of the form; what was typed goes first."""
    caller = visitor.signed_in
    if any(form[name] for name in REMINDER_FIELDS):
        return {name: form[name] for name in REMINDER_FIELDS}
    chosen = await reminders_of(visitor.work, caller.patient_id)
    return {
        "ask_at": f"{chosen.ask_at:%H:%M}",
        "email": "yes" if Channel.EMAIL in chosen.channels else "",
        "quiet_from": f"{chosen.quiet_from:%H:%M}",
        "quiet_until": f"{chosen.quiet_until:%H:%M}",
        "paused_until": chosen.paused_until.isoformat() if chosen.paused_until else "",
    }


def _shown(device: devices.EnrolledDevice, visitor: Visitor, wall: tzinfo) -> dict[str, object]:
    return {
        "id": str(device.id),
        "name": device.name,
        "here": device.id == visitor.signed_in.device_id,
        "since": write_moment(device.enrolled_at, wall, visitor.language),
        "used": write_moment(device.last_used_at, wall, visitor.language),
    }


router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)


@router.get("/settings")
async def show_settings(request: Request, context: ContextNeeded, visitor: SignedInVisitor) -> Response:
    """Show what can be chosen, where one is signed in, and one's rights."""
    notice = say("Saved.") if "saved" in request.query_params else ""
    return await settings_page(
        context,
        visitor,
        notice=notice or (say("It is signed out.") if "ended" in request.query_params else ""),
    )


@router.post("/settings", dependencies=[OwnFormOnly])
async def change_settings(request: Request, context: ContextNeeded, visitor: SignedInVisitor) -> Response:
    """Change zone and language from now on; past days do not move."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    try:
        zone = read_zone(form["time_zone"])
    except (UnknownTimeZoneError, PseudoTimeZoneError, InvisibleCharacterError):
        return await settings_page(
            context,
            visitor,
            mistakes={"zone": say("This time zone is not known. Choose one from the list.")},
            form=form,
            status=422,
        )
    language = form["language"] if form["language"] in LANGUAGES else visitor.language
    # A region that was known before stays: es-MX is not made es.
    locale = caller.locale if caller.locale.lower().startswith(language) else language
    await change_patient(
        visitor.work, caller.patient_id, DetailsChange(time_zone=zone, locale=locale), version=None
    )
    answer = RedirectResponse(f"{SETTINGS}?saved", 303)
    Cookies(context.public_url).forget(answer, LANGUAGE)
    return answer


@router.post("/reminders", dependencies=[OwnFormOnly])
async def change_reminders(request: Request, context: ContextNeeded, visitor: SignedInVisitor) -> Response:
    """Change when and how the patient is asked, by the same rules as from a phone."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    wanted = {name: form[name].strip() for name in ("ask_at", "quiet_from", "quiet_until")}
    try:
        change = read_reminders(wanted | {"paused_until": form["paused_until"].strip() or None})
        await change_patient(
            visitor.work,
            caller.patient_id,
            DetailsChange(reminders=lambda before: change(_with_email(before, wanted=bool(form["email"])))),
            version=None,
        )
    except InvalidRequestError as refused:
        wrong = [field_of(str(one["pointer"])) for one in refused.findings]
        mistakes = {
            one: say("Write a day such as 2026-11-03, or leave it empty.")
            if one == "paused_until"
            else say("Write a time of day such as 18:00.")
            for one in wrong
        }
        await visitor.work.start_over()
        return await settings_page(context, visitor, mistakes=mistakes, form=form, status=422)
    except AskedInQuietHoursError:
        quiet = {"ask_at": say("The time to be reminded lies in your quiet hours. Please move one of them.")}
        await visitor.work.start_over()
        return await settings_page(context, visitor, mistakes=quiet, form=form, status=422)
    return RedirectResponse(f"{SETTINGS}?saved", 303)


@router.post("/sign-out", dependencies=[OwnFormOnly])
async def sign_out(request: Request, context: ContextNeeded, visitor: SignedInVisitor) -> Response:
    """End this browser, or another device of the patient's."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    try:
        device_id = UUID(form["device"])
    except ValueError:
        raise NotFoundError from None
    await devices.revoke_device(visitor.work, caller.patient_id, device_id)
    if device_id != caller.device_id:
        return RedirectResponse(f"{SETTINGS}?ended", 303)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    Cookies(context.public_url).forget(answer, SESSION)
    return answer


def _with_email(before: ReminderChoices, *, wanted: bool) -> ReminderChoices:
    """Take e-mail in or out; what was chosen on a phone stays, and goes first."""
    others = tuple(one for one in before.channels if one is not Channel.EMAIL)
    if wanted and Channel.EMAIL in before.channels:
        return before
    return replace(before, channels=(*others, Channel.EMAIL) if wanted else others)
