"""Registering a patient, and the code with which the patient's phone or browser comes in."""

import base64
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.care.patients import enrolment, magic_links
from app.care.patients.commands import register
from app.care.patients.enrolment import LASTS, IssuedCode
from app.care.patients.queries import Patient
from app.care.patients.schemas import read_registration
from app.care.treatment import protocol_templates
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.foundation.vault import CannotOpenError
from app.foundation.zones import choosable_zones
from app.pages.staff.about_patient import AboutPatient, MayEdit, about
from app.pages.staff.asked_form import AskedForm, Field, show_form, wrong_with
from app.pages.staff.course_page import course_in, template_choices
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import NOTICES
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form

COOKIE: Final = "afterglow-staff-code"
_CELL: Final = {"table": "enrolment_codes", "column": "shown"}


def keep_code(response: Response, work: Work, patient_id: UUID, issued: IssuedCode) -> None:
    """Let the browser keep a code for as long as it works."""
    text = f"{issued.expires_at.isoformat()} {issued.code}"
    sealed = work.vault.seal(text, clinic_id=work.clinic_id, row_id=patient_id, **_CELL)
    Cookies(work.public_url).write(response, COOKIE, base64.urlsafe_b64encode(sealed).decode(), lasts=LASTS)


def kept_code(request: Request, work: Work, patient_id: UUID) -> tuple[str, datetime] | None:
    """Give the code that this browser keeps for this patient, while it works."""
    kept = Cookies(work.public_url).read(request, COOKIE)
    try:
        sealed = base64.urlsafe_b64decode(kept)
        text = work.vault.open(sealed, clinic_id=work.clinic_id, row_id=patient_id, **_CELL)
        until, _, code = text.partition(" ")
        expires_at = datetime.fromisoformat(until)
    except (ValueError, CannotOpenError):
        return None
    return (code, expires_at) if expires_at > work.now else None


NUMBER: Final = Field(
    name="external_ref",
    label=say("Chart number"),
    hint=say("Your own number for the patient, never a name."),
    wrong=say("Please give a chart number of at most 200 characters."),
)
ZONE: Final = Field(
    name="time_zone",
    label=say("Time zone"),
    kind="zone",
    hint=say("Where the patient lives, such as America/New_York."),
    wrong=say("Please choose a zone from the list, such as America/New_York."),
    choices=tuple((name, name) for name in choosable_zones()),
)
LOCALE: Final = Field(
    name="locale",
    label=say("Language and region"),
    hint=say("Such as en-US or es-MX. The patient's pages and messages speak English or Spanish."),
    wrong=say("Like en-US: a language, a hyphen, a region."),
)
EMAIL: Final = Field(
    name="email",
    label=say("E-mail, if the patient likes"),
    kind="email",
    hint=say("For sign-in links and reminders, which say nothing clinical."),
    wrong=say("This is not one e-mail address, such as name@example.org."),
)


router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
LIST: Final = "/care/patients"
_COURSE: Final = Field(
    name="protocol",
    label=say("Course, if one is planned already"),
    kind="choice",
    hint=say("With one of the clinic's own templates, its infusions are planned at once."),
    api_names=("protocol", "template_id"),
)
_COURSE_DAYS: Final = (
    Field(
        name="planned_infusions",
        label=say("Planned induction infusions, if known"),
        kind="number",
        wrong=say("A whole number from 1 to 20."),
    ),
    Field(
        name="started_on",
        label=say("First day of the course"),
        kind="date",
        wrong=say("A course needs its first day."),
    ),
)


async def _asked(visitor: StaffVisitor) -> AskedForm:
    course: tuple[Field, ...] = ()
    if visitor.signed_in.may(Permission.TREATMENT_RECORD):
        own = await protocol_templates.list_templates(visitor.work)
        course = (replace(_COURSE, choices=(("", say("None yet")), *template_choices(own))), *_COURSE_DAYS)
    return AskedForm(
        title=say("Register a patient"),
        whose=say("Patients"),
        path=f"{LIST}/new",
        back=LIST,
        button=say("Register"),
        fields=(
            NUMBER,
            ZONE,
            LOCALE,
            EMAIL,
            *course,
        ),
        values={"locale": "en-US"},
    )


@router.get("/new")
async def show_registration(visitor: MayEdit) -> Response:
    """Show the form."""
    return show_form(visitor, await _asked(visitor))


@router.post("/new")
async def register_patient(visitor: MayEdit) -> Response:
    """Register, perhaps with a course, and go to the code."""
    form = await read_own_form(visitor)
    try:
        patient = await _register(visitor, form)
    except RefusalError as error:
        await visitor.work.start_over(snapshot=True)
        asked = await _asked(visitor)
        return show_form(visitor, asked, form=form, wrong=wrong_with(asked, error))
    return await _with_new_code(visitor, patient.id)


@router.get("/{patient_id}/code")
async def show_code(patient_id: UUID, visitor: MayEdit) -> Response:
    """Show the code that was just made, as long as it works; else a button for one."""
    whose = await about(visitor, patient_id)
    kept = kept_code(visitor.request, visitor.work, patient_id)
    code = enrolment.shown_code(visitor.context, *kept) if kept else None
    return render(
        visitor,
        "patient_code.html",
        here="/care/patients",
        whose=whose,
        notice=NOTICES.get(visitor.request.query_params.get("notice", ""), ""),
        code=code,
        until=_until(whose, code.expires_at) if code else "",
        picture=Markup(code.qr_svg) if code else "",  # noqa: S704 - drawn by our own library from our own link
    )


@router.post("/{patient_id}/code")
async def make_code(patient_id: UUID, visitor: MayEdit) -> Response:
    """Make a new code, and show it."""
    await read_own_form(visitor)
    return await _with_new_code(visitor, patient_id)


@router.post("/{patient_id}/sign-in-link")
async def mail_link(patient_id: UUID, visitor: MayEdit) -> Response:
    """Send a sign-in link to the patient's e-mail."""
    await read_own_form(visitor)
    issued = await magic_links.make(visitor.work, patient_id)
    notice = "link-sent" if issued.sent else "link-not-sent"
    return RedirectResponse(f"{LIST}/{patient_id}/code?notice={notice}", 303)


async def _register(visitor: StaffVisitor, form: Form) -> Patient:
    """Register, with the course that is planned if there is one, or not at all."""
    registration = read_registration(
        {name: form[name].strip() for name in ("external_ref", "time_zone", "locale")}
        | {"email": form["email"].strip() or None}
    )
    with_course = form["protocol"] and visitor.signed_in.may(Permission.TREATMENT_RECORD)
    course = course_in(form) if with_course else None
    patient = await register(visitor.work, registration)
    if course is not None:
        await protocol_templates.enter(visitor.work, patient.id, course.planned(), course.template_id)
    return patient


def _until(whose: AboutPatient, expires_at: datetime) -> str:
    minutes = max(1, round((expires_at - whose.clock.now).total_seconds() / 60))
    return say("{minutes} minute{value2}", minutes=minutes, value2="" if minutes == 1 else "s")


async def _with_new_code(visitor: StaffVisitor, patient_id: UUID) -> Response:
    issued = await enrolment.issue_code(visitor.work, patient_id)
    answer = RedirectResponse(f"{LIST}/{patient_id}/code", 303)
    keep_code(answer, visitor.work, patient_id, issued)
    return answer
