"""The settings as they are shown: zone, language, reminders, where one is signed in, one's rights."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.care.consent import erasure
from app.care.patients import devices, sms_numbers
from app.care.patients.commands import DetailsChange, change_patient
from app.care.patients.consent_status import ConsentStatus
from app.care.patients.queries import existing, reminders_of
from app.care.patients.reminder_choices import AskedInQuietHoursError, ReminderChoices
from app.care.patients.schemas import read_reminders
from app.care.patients.sealed_fields import email_of
from app.care.patients.sms_numbers import (
    NoTextMessagesError,
    SmsCodeNotValidError,
    SmsNumberMissingError,
    TooManySmsCodesError,
)
from app.clinical.check_ins import zone_of
from app.foundation.errors import NotFoundError
from app.foundation.text import InvisibleCharacterError
from app.foundation.translations import LANGUAGES, Words, say
from app.foundation.zones import PseudoTimeZoneError, UnknownTimeZoneError, choosable_zones, read_zone
from app.notifications.messages.web_push import (
    PushAddressRefusedError,
    PushKeysNotUsableError,
    WebPushAddress,
    public_push_key,
    subscribe,
    unsubscribe,
)
from app.outbox import Channel
from app.pages.patient.page_route import SIGN_IN, PatientPageRoute, render
from app.pages.patient.questionnaire_page import offered_questionnaires
from app.pages.patient.visitor import LANGUAGE, SESSION, SignedInVisitor, Visitor, read_own_form
from app.storage import push_subscriptions
from app.web.pages.cookies import Cookies
from app.web.pages.forms import NOTHING_FILLED_IN, Form, OwnFormOnly
from app.web.pages.wording import write_moment
from app.web.problems import InvalidRequestError
from app.web.reading import field_of

SETTINGS: Final = "/p/settings"
# Each way a reminder may come, by the name of its field; in this order where a patient had none.
WAYS: Final[Mapping[str, Channel]] = {
    "push": Channel.PUSH,
    "sms": Channel.GATEWAY,
    "email": Channel.EMAIL,
}
_PUSH_FIELDS: Final = ("push_endpoint", "push_p256dh", "push_auth")
REMINDER_FIELDS: Final = (*WAYS, "sms_number", "ask_at", "quiet_from", "quiet_until", "paused_until")
_NO_TIME: Final = say("Write a time of day such as 18:00.")
_REMINDER_MISTAKES: Final[Mapping[str, Words]] = {
    "paused_until": say("Write a day such as 2026-11-03, or leave it empty."),
    "sms_number": say("Write your mobile number with its country code, such as +1 415 555 0123."),
    "code": say("This code does not work or has expired. Check it, or have another one sent."),
    "codes": say("Several codes were sent already. Please try again tomorrow."),
    "push": say("This browser gets no notifications: allow them for this page, or choose another way."),
}


async def settings_page(
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
        visitor,
        "settings.html",
        here=SETTINGS,
        status=status,
        notice=notice,
        mistakes=mistakes or {},
        zone=form["time_zone"] or caller.time_zone,
        chosen_language=form["language"] or visitor.language,
        reminders=await _reminders(visitor, form),
        number_state=(await reminders_of(visitor.work, caller.patient_id)).sms_number_state.value,
        push_key=public_push_key(visitor.context.vault),
        has_gateway=visitor.context.gateway is not None,
        has_email=await _has_email(visitor),
        zones=choosable_zones(),
        questionnaires=await offered_questionnaires(visitor),
        devices=[_shown(one, visitor, wall) for one in listed],
        erasure_asked=await _erasure_asked(visitor),
        has_withdrawn=caller.consent is ConsentStatus.WITHDRAWN,
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
    ways = set(chosen.channels)
    # Chosen beforehand for whoever has them: not ticked before they lead anywhere.
    if not await _gets_pushes(visitor):
        ways.discard(Channel.PUSH)
    if chosen.sms_number is None:
        ways.discard(Channel.GATEWAY)
    return {
        **{name: "yes" if channel in ways else "" for name, channel in WAYS.items()},
        "sms_number": chosen.sms_number or "",
        "ask_at": f"{chosen.ask_at:%H:%M}",
        "quiet_from": f"{chosen.quiet_from:%H:%M}",
        "quiet_until": f"{chosen.quiet_until:%H:%M}",
        "paused_until": chosen.paused_until.isoformat() if chosen.paused_until else "",
    }


async def _gets_pushes(visitor: Visitor) -> bool:
    """Whether any device of the patient's gets notifications."""
    patient_id = visitor.signed_in.patient_id
    return bool(await push_subscriptions.ids_of_patients(visitor.work, [patient_id]))


async def _has_email(visitor: Visitor) -> bool:
    patient = await existing(visitor.work, visitor.signed_in.patient_id)
    return email_of(visitor.work, patient) is not None


def _shown(device: devices.EnrolledDevice, visitor: Visitor, wall: tzinfo) -> dict[str, object]:
    return {
        "id": str(device.id),
        "name": device.name,
        "here": device.id == visitor.signed_in.device_id,
        "since": write_moment(device.enrolled_at, wall, visitor.language),
        "used": write_moment(device.last_used_at, wall, visitor.language),
    }


_NOTICES: Final[Mapping[str, Words]] = {
    "saved": say("Saved."),
    "ended": say("It is signed out."),
    "sent": say("Saved. A code is on its way to your mobile number."),
    "confirmed": say("Your mobile number is confirmed."),
}
router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)


@router.get("/settings")
async def show_settings(visitor: SignedInVisitor) -> Response:
    """Show what can be chosen, where one is signed in, and one's rights."""
    notice = next((said for name, said in _NOTICES.items() if name in visitor.request.query_params), "")
    return await settings_page(visitor, notice=notice)


@router.post("/settings", dependencies=[OwnFormOnly])
async def change_settings(visitor: SignedInVisitor) -> Response:
    """Change zone and language from now on; past days do not move."""
    form, caller = await read_own_form(visitor), visitor.signed_in
    try:
        zone = read_zone(form["time_zone"])
    except (UnknownTimeZoneError, PseudoTimeZoneError, InvisibleCharacterError):
        return await settings_page(
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
    Cookies(visitor.context.public_url).forget(answer, LANGUAGE)
    return answer


@router.post("/reminders", dependencies=[OwnFormOnly])
async def change_reminders(visitor: SignedInVisitor) -> Response:
    """Change when and how the patient is asked, by the same rules as from a phone."""
    form = await read_own_form(visitor)
    before = (await reminders_of(visitor.work, visitor.signed_in.patient_id)).sms_number
    mistakes = await _keep_reminders(visitor, form)
    if mistakes:
        await visitor.work.start_over()
        return await settings_page(visitor, mistakes=mistakes, form=form, status=422)
    if form["sms"] and (await reminders_of(visitor.work, visitor.signed_in.patient_id)).sms_number != before:
        return await _send_code(visitor)
    return RedirectResponse(f"{SETTINGS}?saved", 303)


async def _send_code(visitor: Visitor) -> Response:
    """Text a code to the number that is kept; where none can go now, what else was chosen stays."""
    work = visitor.work
    await work.commit()
    try:
        await sms_numbers.send_code(work, visitor.signed_in.patient_id)
    except TooManySmsCodesError:
        await work.start_over()
        return await settings_page(visitor, mistakes={"code": _REMINDER_MISTAKES["codes"]}, status=429)
    except (NoTextMessagesError, SmsNumberMissingError):
        return RedirectResponse(f"{SETTINGS}?saved", 303)
    return RedirectResponse(f"{SETTINGS}?sent", 303)


@router.post("/number", dependencies=[OwnFormOnly])
async def confirm_number(visitor: SignedInVisitor) -> Response:
    """Confirm the mobile number with the code that was sent there, or have another one sent."""
    form = await read_own_form(visitor)
    if form["again"]:
        return await _send_code(visitor)
    try:
        await sms_numbers.confirm(visitor.work, visitor.signed_in.patient_id, form["code"][:100])
    except SmsCodeNotValidError:
        await visitor.work.start_over()
        return await settings_page(visitor, mistakes={"code": _REMINDER_MISTAKES["code"]}, status=422)
    return RedirectResponse(f"{SETTINGS}?confirmed", 303)


async def _keep_reminders(visitor: Visitor, form: Form) -> Mapping[str, Words]:
    """Keep what was chosen; else give the sentence for each field that is wrong."""
    wanted: dict[str, str | None] = {
        name: form[name].strip() for name in ("ask_at", "quiet_from", "quiet_until")
    }
    wanted["paused_until"] = form["paused_until"].strip() or None
    if "sms_number" in form:
        wanted["sms_number"] = form["sms_number"].strip() or None
    if form["sms"] and not wanted.get("sms_number"):
        return {"sms_number": _REMINDER_MISTAKES["sms_number"]}
    try:
        change = read_reminders(wanted)
        known = await _gets_pushes(visitor)
        if not await _set_pushes(visitor, form, known=known):
            return {"push": _REMINDER_MISTAKES["push"]}
        await change_patient(
            visitor.work,
            visitor.signed_in.patient_id,
            DetailsChange(reminders=lambda before: change(_over(before, form, known=known))),
            version=None,
        )
    except InvalidRequestError as refused:
        wrong = [field_of(str(one["pointer"])) for one in refused.findings]
        return {one: _REMINDER_MISTAKES.get(one, _NO_TIME) for one in wrong}
    except AskedInQuietHoursError:
        return {"ask_at": say("The time to be reminded lies in your quiet hours. Please move one of them.")}
    return {}


async def _set_pushes(visitor: Visitor, form: Form, *, known: bool) -> bool:
    """Have this browser get notifications, or no more of them; says whether what was chosen can be kept.

    ``known``: a device of the patient's gets them already.
    """
    caller = visitor.signed_in
    if not form["push"]:
        if known:
            await unsubscribe(visitor.work, patient_id=caller.patient_id, device_id=caller.device_id)
        return True
    endpoint, public_key, auth = (form[name] for name in _PUSH_FIELDS)
    if not endpoint:
        return known
    address = WebPushAddress(endpoint=endpoint, public_key=public_key, auth=auth)
    try:
        await subscribe(visitor.work, address, patient_id=caller.patient_id, device_id=caller.device_id)
    except (PushAddressRefusedError, PushKeysNotUsableError):
        return False
    return True


@router.post("/sign-out", dependencies=[OwnFormOnly])
async def sign_out(visitor: SignedInVisitor) -> Response:
    """End this browser, or another device of the patient's."""
    form, caller = await read_own_form(visitor), visitor.signed_in
    try:
        device_id = UUID(form["device"])
    except ValueError:
        raise NotFoundError from None
    await devices.revoke_device(visitor.work, caller.patient_id, device_id)
    if device_id != caller.device_id:
        return RedirectResponse(f"{SETTINGS}?ended", 303)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    Cookies(visitor.context.public_url).forget(answer, SESSION)
    return answer


def _over(before: ReminderChoices, form: Form, *, known: bool) -> ReminderChoices:
    """Give the choices with the ways that are ticked; what was chosen before goes first, in the order of then.

    What leads nowhere yet was not ticked, so that leaving it so takes nothing away: an app may get notifications,
    and a number may come.
    """
    chosen = {channel for name, channel in WAYS.items() if form[name]}
    kept = chosen if known else chosen | {Channel.PUSH}
    kept = kept if before.sms_number else kept | {Channel.GATEWAY}
    stay = tuple(one for one in before.channels if one in kept)
    new = tuple(one for one in WAYS.values() if one in chosen and one not in before.channels)
    return replace(before, channels=stay + new)
