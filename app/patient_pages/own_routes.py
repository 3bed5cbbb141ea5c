"""What belongs to the signed-in patient: consent, the own trend, settings, devices."""

from contextlib import suppress
from datetime import tzinfo
from typing import Final
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Request
from pydantic_core import to_json
from starlette.responses import RedirectResponse, Response

from app.clinical.check_ins import zone_of
from app.consent import erasure, export
from app.consent import service as consent
from app.consent.service import ConsentTextChangedError
from app.foundation.errors import NotFoundError
from app.patient_pages.check_in_form import ANSWERS, draft_of
from app.patient_pages.consent_pages import ASK_FIRST, consent_page
from app.patient_pages.page_route import SIGN_IN, PageRoute
from app.patient_pages.questionnaire_pages import offered_questionnaires
from app.patient_pages.rendering import render
from app.patient_pages.sending import send_trusted
from app.patient_pages.trend import own_trend
from app.patient_pages.visitor import (
    LANGUAGE,
    SESSION,
    SignedInVisitor,
    Visitor,
    own_form_only,
)
from app.patient_pages.words import NAMES, say_in, write_moment
from app.patients import devices
from app.patients.consent_standing import ConsentStanding
from app.patients.service import change_patient
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form, read_form

router = APIRouter(prefix="/p", route_class=PageRoute, include_in_schema=False)
OwnFormOnly = Depends(own_form_only)
SETTINGS: Final = "/p/settings"
ZONES: Final = tuple(
    sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
)


@router.get("/consent")
async def show_consent(equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Show what the patient agrees to."""
    return consent_page(equipment, visitor)


@router.post("/consent", dependencies=[OwnFormOnly])
async def answer_consent(request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Keep the patient's answer; then send the answers that waited for it, or show the form."""
    form, caller = await _own_form(request, equipment, visitor), visitor.signed_in
    if form["answer"] != "yes":
        await _withdraw(equipment, visitor)
        return RedirectResponse(ASK_FIRST, 303)
    try:
        await consent.give(
            equipment, caller.clinic_id, caller.patient_id, version=form["version"], actor=caller.actor
        )
    except ConsentTextChangedError:
        return consent_page(equipment, visitor, draft=draft_of(form), told="consent_changed", status=409)
    if any(form[name] for name in ANSWERS):
        return await send_trusted(equipment, visitor, form)
    return RedirectResponse("/p/check-in", 303)


@router.get("/progress")
async def show_progress(equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Show the own trend."""
    trend = await own_trend(equipment, visitor)
    offered = await offered_questionnaires(equipment, visitor)
    return render(
        equipment, visitor, "progress.html", here="/p/progress", trend=trend, questionnaires=offered
    )


@router.get("/settings")
async def show_settings(request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Show what can be chosen, where one is signed in, and one's rights."""
    told = "settings_saved" if "saved" in request.query_params else ""
    return await _settings(
        equipment, visitor, told=told or ("device_ended" if "ended" in request.query_params else "")
    )


@router.post("/settings", dependencies=[OwnFormOnly])
async def change_settings(request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Change zone and language from now on; past days do not move."""
    form, caller = await _own_form(request, equipment, visitor), visitor.signed_in
    zone = form["time_zone"].strip()
    if zone not in available_timezones():
        return await _settings(equipment, visitor, mistake="wrong_zone", zone=zone, status=422)
    language = form["language"] if form["language"] in NAMES else visitor.language
    # A region that was known before stays: es-MX is not made es.
    locale = caller.locale if caller.locale.lower().startswith(language) else language
    await change_patient(
        equipment,
        caller.clinic_id,
        caller.patient_id,
        time_zone=zone,
        locale=locale,
        version=None,
        actor=caller.actor,
    )
    answer = RedirectResponse(f"{SETTINGS}?saved", 303)
    Cookies(equipment.public_url).forget(answer, LANGUAGE)
    return answer


@router.post("/sign-out", dependencies=[OwnFormOnly])
async def sign_out(request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """End this browser, or another device of the patient's."""
    form, caller = await _own_form(request, equipment, visitor), visitor.signed_in
    try:
        device_id = UUID(form["device"])
    except ValueError:
        raise NotFoundError from None
    await devices.revoke_device(equipment, caller.clinic_id, caller.patient_id, device_id, actor=caller.actor)
    if device_id != caller.device_id:
        return RedirectResponse(f"{SETTINGS}?ended", 303)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    Cookies(equipment.public_url).forget(answer, SESSION)
    return answer


@router.get("/sure")
async def ask_whether_sure(
    request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor
) -> Response:
    """Ask once more before what cannot be taken back by a second tap."""
    about, say = request.query_params.get("about", ""), say_in(visitor.language)
    questions = {
        "consent": ("withdraw_sure", "withdraw_lead", "/p/withdraw"),
        "erasure": ("erasure_sure", "erasure_lead", "/p/erasure"),
    }
    if about not in questions:
        raise NotFoundError
    question, lead, action = questions[about]
    return render(
        equipment, visitor, "sure.html", here=SETTINGS, question=say(question), lead=say(lead), action=action
    )


@router.post("/withdraw", dependencies=[OwnFormOnly])
async def withdraw_consent(
    request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor
) -> Response:
    """Take consent back, also in the middle of a signal."""
    await _own_form(request, equipment, visitor)
    await _withdraw(equipment, visitor)
    return RedirectResponse(SETTINGS, 303)


@router.get("/export")
async def get_copy(equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Give the patient a copy of everything that is kept about them."""
    caller = visitor.signed_in
    document = await export.copy_of(equipment, caller.clinic_id, caller.patient_id, actor=caller.actor)
    headers = {"content-disposition": 'attachment; filename="afterglow-export.json"'}
    return Response(to_json(document, indent=2), media_type="application/json", headers=headers)


@router.post("/erasure", dependencies=[OwnFormOnly])
async def ask_for_erasure(request: Request, equipment: EquipmentNeeded, visitor: SignedInVisitor) -> Response:
    """Ask the clinic to erase everything; asked twice, it is asked once."""
    await _own_form(request, equipment, visitor)
    caller = visitor.signed_in
    with suppress(erasure.ErasureAskedBeforeError):
        await erasure.ask(equipment, caller.clinic_id, caller.patient_id, actor=caller.actor)
    return RedirectResponse(SETTINGS, 303)


async def _own_form(request: Request, equipment: Equipment, visitor: Visitor) -> Form:
    form = await read_form(request)
    visitor.refuse_forged(equipment, form)
    return form


async def _withdraw(equipment: Equipment, visitor: Visitor) -> None:
    """Take consent back; a second time changes nothing."""
    caller = visitor.signed_in
    if caller.consent is not ConsentStanding.WITHDRAWN:
        await consent.withdraw(
            equipment, caller.clinic_id, caller.patient_id, reason=None, actor=caller.actor
        )


async def _settings(
    equipment: Equipment,
    visitor: Visitor,
    *,
    told: str = "",
    mistake: str = "",
    zone: str = "",
    status: int = 200,
) -> Response:
    caller, say = visitor.signed_in, say_in(visitor.language)
    wall = zone_of(caller.time_zone)
    listed = await devices.list_devices(equipment, caller.clinic_id, caller.patient_id)
    return render(
        equipment,
        visitor,
        "settings.html",
        here=SETTINGS,
        status=status,
        told=say(told) if told else "",
        mistake=say(mistake) if mistake else "",
        zone=zone or caller.time_zone,
        zones=ZONES,
        languages=NAMES,
        questionnaires=await offered_questionnaires(equipment, visitor),
        devices=[_shown(one, visitor, wall) for one in listed],
        erasure_asked=await _erasure_asked(equipment, visitor),
        has_withdrawn=caller.consent is ConsentStanding.WITHDRAWN,
    )


async def _erasure_asked(equipment: Equipment, visitor: Visitor) -> str:
    """Say since when a request to be erased waits for the clinic; empty when none does."""
    caller = visitor.signed_in
    asked = await erasure.list_of_patient(equipment, caller.clinic_id, caller.patient_id)
    waiting = [one for one in asked if one.decided_at is None]
    if not waiting:
        return ""
    at = write_moment(waiting[-1].requested_at, zone_of(caller.time_zone), visitor.language)
    return say_in(visitor.language)("erasure_asked", at=at)


def _shown(device: devices.EnrolledDevice, visitor: Visitor, wall: tzinfo) -> dict[str, object]:
    return {
        "id": str(device.id),
        "name": device.name,
        "here": device.id == visitor.signed_in.device_id,
        "since": write_moment(device.enrolled_at, wall, visitor.language),
        "used": write_moment(device.last_used_at, wall, visitor.language),
    }
