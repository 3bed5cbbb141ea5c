"""A patient's zone, language and e-mail; ending a device; consent withdrawn; archived, and in care again."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.consent import commands as consent
from app.care.consent.schemas import read_reason
from app.care.patients import corrections, devices
from app.care.patients.commands import change_patient
from app.care.patients.schemas import Archive, PatientChange, ReasonMissingError, Unarchive
from app.foundation.translations import say
from app.pages.staff.about_patient import MayEdit, about, path_of
from app.pages.staff.asked_form import AskedForm, Field, answer_form, filled_in, form_page, show_form
from app.pages.staff.new_patient_page import EMAIL, LOCALE, NUMBER, ZONE
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import ARCHIVED
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

_NOTE: Final = Field(
    name="note",
    label=say("Note (optional)"),
    kind="note",
    wrong=say("At most 1,000 characters, please."),
)
_WHY_RENUMBERED: Final = Field(
    name="reason",
    label=say("Why the chart number changes"),
    hint=say("Only with another chart number. The one before stays on the record."),
    wrong=say("Please say why the chart number changes."),
)
router = APIRouter(prefix="/care/patients/{patient_id}", route_class=CarePageRoute, include_in_schema=False)


async def _details(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
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
        button=say("Save"),
        fields=(ZONE, LOCALE, EMAIL, NUMBER, _WHY_RENUMBERED),
        values={
            "time_zone": patient.time_zone,
            "locale": patient.locale,
            "email": patient.email or "",
            "external_ref": patient.external_ref,
        },
        version=patient.version,
        present=(
            say("Chart number: {number}.", number=patient.external_ref),
            say("Time zone: {time_zone}.", time_zone=patient.time_zone),
            say("Language and region: {locale}.", locale=patient.locale),
            say("E-mail: {value1}.", value1=patient.email or say("none")),
        ),
    )


async def _device(visitor: StaffVisitor, patient_id: UUID, device_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
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


async def _withdrawal(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
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


async def _archiving(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Archive this patient"),
        whose=whose.reference,
        lead=say(
            "From then on nobody here reads the patient's reports: their devices say so, with crisis help, and "
            "reminders stop. Open safety events stay open. Everything known stays, and can be read."
        ),
        path=f"{whose.path}/archive",
        back=whose.path,
        button=say("Archive the patient"),
        fields=(
            Field(
                name="reason",
                label=say("Why"),
                kind="radios",
                choices=tuple(ARCHIVED.items()),
                wrong=say("Please choose why."),
            ),
            _NOTE,
        ),
        serious=True,
    )


async def _unarchiving(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Take this patient into care again"),
        whose=whose.reference,
        lead=say("The patient's reports are read and evaluated again, from now on."),
        path=f"{whose.path}/unarchive",
        back=whose.path,
        button=say("Take into care again"),
        fields=(_NOTE,),
    )


@form_page(router, "/details", Permission.PATIENTS_EDIT, _details)
async def change_details(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Change it, unless someone else changed it."""
    sent: dict[str, str | None] = {
        "time_zone": form["time_zone"].strip(),
        "locale": form["locale"].strip(),
        "email": form["email"].strip() or None,
    }
    whose, version = await about(visitor, patient_id), version_in(form["version"])
    number = form["external_ref"].strip()
    if number != whose.reference:
        sent |= {"external_ref": number, "reason": form["reason"].strip() or None}
        if number and not sent["reason"]:
            raise ReasonMissingError("#/reason")
    body = read_as(PatientChange, sent)
    if body.external_ref is not None and body.reason is not None:
        renumbered = await corrections.change_chart_number(
            visitor.work, patient_id, body.external_ref, reason=body.reason, version=version
        )
        version = renumbered.version
    await change_patient(visitor.work, patient_id, body.change(), version=version)
    return "details"


@router.get("/devices/{device_id}")
async def ask_to_end_device(patient_id: UUID, device_id: UUID, visitor: MayEdit) -> Response:
    """Ask once more."""
    return show_form(visitor, await _device(visitor, patient_id, device_id))


@router.post("/devices/{device_id}")
async def end_device(patient_id: UUID, device_id: UUID, visitor: MayEdit) -> Response:
    """End a device and all of its tokens."""
    form = await read_own_form(visitor)

    async def act() -> str:
        await devices.revoke_device(visitor.work, patient_id, device_id)
        return "device"

    return await answer_form(
        visitor, lambda: _device(visitor, patient_id, device_id), form, act, back=path_of(patient_id)
    )


@form_page(router, "/consent", Permission.PATIENTS_EDIT, _withdrawal)
async def note_withdrawal(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Note that the patient withdrew."""
    reason = read_reason({"reason": form["reason"].strip() or None})
    await consent.withdraw(visitor.work, patient_id, reason=reason)
    return "consent"


@form_page(router, "/archive", Permission.PATIENTS_EDIT, _archiving)
async def archive_here(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Archive the patient."""
    body = read_as(Archive, filled_in(form, "reason", "note"))
    await corrections.archive(visitor.work, patient_id, body.reason, note=body.note)
    return "archived"


@form_page(router, "/unarchive", Permission.PATIENTS_EDIT, _unarchiving)
async def unarchive_here(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Take the patient into care again."""
    body = read_as(Unarchive, filled_in(form, "note"))
    await corrections.unarchive(visitor.work, patient_id, note=body.note)
    return "unarchived"
