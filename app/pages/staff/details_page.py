"""A patient's zone, language and e-mail; ending a device; noting that consent was withdrawn."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care.consent import commands as consent
from app.care.consent.schemas import read_reason
from app.care.patients import devices
from app.care.patients.commands import change_patient
from app.care.patients.schemas import read_details_change
from app.context import AppContext
from app.foundation.translations import say
from app.pages.staff.about_patient import MayEdit, about, path_of
from app.pages.staff.asked_form import AskedForm, Field, answer_about, answer_form, show_form
from app.pages.staff.new_patient_page import EMAIL, LOCALE, ZONE
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.dependencies import ContextNeeded
from app.web.headers import version_in

router = APIRouter(prefix="/care/patients/{patient_id}", route_class=CarePageRoute, include_in_schema=False)


async def _details(context: AppContext, visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(context, visitor, patient_id)
    patient = whose.patient
    return AskedForm(
        title=say("The patient's details"),
        whose=whose.reference,
        lead=say(
            "Past days do not move when the zone does. With another address, sign-in links that "
            "were sent end."
        ),
        path=f"{whose.path}/details",
        back=whose.path,
        button=say("Keep these"),
        fields=(ZONE, LOCALE, EMAIL),
        values={"time_zone": patient.time_zone, "locale": patient.locale, "email": patient.email or ""},
        version=patient.version,
        present=(
            say("Time zone: {time_zone}.", time_zone=patient.time_zone),
            say("Language and region: {locale}.", locale=patient.locale),
            say("E-mail: {value1}.", value1=patient.email or "none"),
        ),
    )


async def _device(context: AppContext, visitor: StaffVisitor, patient_id: UUID, device_id: UUID) -> AskedForm:
    whose = await about(context, visitor, patient_id)
    listed = await devices.list_devices(visitor.work, patient_id)
    device = next((one for one in listed if one.id == device_id), None)
    return AskedForm(
        title=say("End this device?") if device else say("This device has ended"),
        whose=whose.reference,
        lead=say(
            "“{name}” stops speaking for the patient at once. A new code enrolls it again.", name=device.name
        )
        if device
        else "",
        path=f"{whose.path}/devices/{device_id}",
        back=whose.path,
        button=say("End the device"),
        fields=(),
        serious=True,
    )


async def _withdrawal(context: AppContext, visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(context, visitor, patient_id)
    return AskedForm(
        title=say("Note that consent was withdrawn"),
        whose=whose.reference,
        lead=say(
            "When the patient asked you to. No check-in is taken and nothing is evaluated from "
            "then on; an open"
            " signal is closed. Only the patient can give consent again."
        ),
        path=f"{whose.path}/consent",
        back=whose.path,
        button=say("Note the withdrawal"),
        fields=(
            Field(
                name="reason",
                label=say("Why, if the patient said so"),
                kind="note",
                hint=say("Kept sealed. Never needed."),
                wrong=say("At most 2000 characters, please."),
            ),
        ),
        serious=True,
    )


@router.get("/details")
async def show_details_form(patient_id: UUID, context: ContextNeeded, visitor: MayEdit) -> Response:
    """Show what is known."""
    return show_form(context, visitor, await _details(context, visitor, patient_id))


@router.post("/details")
async def change_details(
    patient_id: UUID, request: Request, context: ContextNeeded, visitor: MayEdit
) -> Response:
    """Change it, unless someone else changed it."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        change = read_details_change(
            {
                "time_zone": form["time_zone"].strip(),
                "locale": form["locale"].strip(),
                "email": form["email"].strip() or None,
            }
        )
        await change_patient(visitor.work, patient_id, change, version=version_in(form["version"]))
        return "details"

    return await answer_about(context, visitor, patient_id, _details, form, act)


@router.get("/devices/{device_id}")
async def ask_to_end_device(
    patient_id: UUID, device_id: UUID, context: ContextNeeded, visitor: MayEdit
) -> Response:
    """Ask once more."""
    return show_form(context, visitor, await _device(context, visitor, patient_id, device_id))


@router.post("/devices/{device_id}")
async def end_device(
    patient_id: UUID, device_id: UUID, request: Request, context: ContextNeeded, visitor: MayEdit
) -> Response:
    """End a device and all of its tokens."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        await devices.revoke_device(visitor.work, patient_id, device_id)
        return "device"

    return await answer_form(
        context,
        visitor,
        lambda: _device(context, visitor, patient_id, device_id),
        form,
        act,
        back=path_of(patient_id),
    )


@router.get("/consent")
async def ask_about_withdrawal(patient_id: UUID, context: ContextNeeded, visitor: MayEdit) -> Response:
    """Say what follows, and ask."""
    return show_form(context, visitor, await _withdrawal(context, visitor, patient_id))


@router.post("/consent")
async def note_withdrawal(
    patient_id: UUID, request: Request, context: ContextNeeded, visitor: MayEdit
) -> Response:
    """Note that the patient withdrew."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        reason = read_reason({"reason": form["reason"].strip() or None})
        await consent.withdraw(visitor.work, patient_id, reason=reason)
        return "consent"

    return await answer_about(context, visitor, patient_id, _withdrawal, form, act)
