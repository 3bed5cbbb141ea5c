"""Entering an infusion that was given, and undoing it at once."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.care.patients.queries import existing
from app.care.treatment import commands, infusion_corrections, queries
from app.care.treatment.infusion_schemas import InfusionEntry
from app.care.treatment.plausibility import Remark
from app.clinical.course import InfusionPhase, Phase, Route
from app.context import Work
from app.foundation.translations import say
from app.pages.staff.about_patient import AboutPatient, MayRecord, about, moment_in, number_in, path_of
from app.pages.staff.asked_form import AskedForm, Field, confirmed_in, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.pages.staff.wall_clock import short_day
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/infusion", route_class=CarePageRoute, include_in_schema=False
)

ROUTES: Final = {
    Route.IV: say("Intravenous"),
    Route.IM: say("Intramuscular"),
    Route.SUBCUTANEOUS: say("Subcutaneous"),
    Route.INTRANASAL: say("Intranasal"),
    Route.SUBLINGUAL: say("Sublingual"),
    Route.LOZENGE: say("Lozenge"),
    Route.ORAL: say("Oral"),
}
_NOTICES: Final = {
    Remark.REORDERED: "infusion-reordered",
    Remark.INDUCTION_AFTER_BOOSTER: "infusion-after-booster",
}
_UNDONE: Final = say("Undone right after it was entered.")
GIVEN_FIELDS: Final = (
    Field(
        name="on",
        label=say("Day"),
        kind="date",
        hint=say("By the patient's clock."),
        api_names=("given_at",),
        wrong=say("Please give a day and a time."),
    ),
    Field(name="at", label=say("Time"), kind="time", hint=say("When it began.")),
)
INFUSION_FIELDS: Final = (
    *GIVEN_FIELDS,
    Field(
        name="phase",
        label=say("What it was for"),
        kind="radios",
        wrong=say("Please choose one."),
        choices=((InfusionPhase.INDUCTION, say("Induction")), (InfusionPhase.BOOSTER, say("Booster"))),
    ),
    Field(
        name="dose_mg_per_kg",
        label=say("Dose in mg/kg (optional)"),
        kind="number",
        hint=say("Such as 0.5."),
        wrong=say("A dose is a number above 0 and at most 15."),
    ),
    Field(
        name="dose_mg",
        label=say("Dose in mg (optional)"),
        kind="number",
        hint=say("Such as 40, or 56 or 84 for esketamine."),
        wrong=say("A dose is a number above 0 and at most 4500."),
    ),
    Field(
        name="route",
        label=say("Route (optional)"),
        kind="choice",
        choices=(("", say("Not stated")), *ROUTES.items()),
    ),
)


def infusion_in(form: Form, time_zone: str) -> dict[str, object]:
    """Take a form's fields as the API is sent them."""
    return {
        "given_at": moment_in(form, time_zone, pointer="#/given_at").isoformat(),
        "phase": form["phase"],
        "dose_mg_per_kg": number_in(form["dose_mg_per_kg"]),
        "dose_mg": number_in(form["dose_mg"]),
        "route": form["route"] or None,
    }


# What is given in a phase of a course, where that is not for staff to say.
_GIVEN_IN: Final = {
    Phase.PLANNED: InfusionPhase.INDUCTION,
    Phase.INDUCTION: InfusionPhase.INDUCTION,
    Phase.REVIEW: InfusionPhase.BOOSTER,
    Phase.MAINTENANCE: InfusionPhase.BOOSTER,
}


async def _usual(work: Work, whose: AboutPatient) -> tuple[dict[str, str], str]:
    """Give what is filled in before anyone types, and the day that it was last given so; nothing of a first one."""
    course = await queries.course_of(work, await existing(work, whose.patient.id))
    phase = _GIVEN_IN.get(course.phase) if course else None
    found = await queries.list_infusions(work, whose.patient.id, with_errors=False, after=None, limit=1)
    usual = {"phase": phase.value if phase else ""}
    if not found:
        return usual, ""
    last, infusion = found[0][0], found[0][0].infusion
    unit = "dose_mg_per_kg" if last.dose_mg is None else "dose_mg"
    dose = infusion.dose_mg_per_kg if last.dose_mg is None else last.dose_mg
    usual |= {unit: f"{dose:g}" if dose else "", "route": infusion.route.value if infusion.route else ""}
    on = short_day(infusion.day(whose.patient.time_zone))
    return usual, on if dose or infusion.route else ""


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    usual, last_on = await _usual(visitor.work, whose)
    return AskedForm(
        title=say("Enter an infusion"),
        whose=whose.reference,
        lead=say(
            "Only what was given. An open signal is closed with it as “booster given”. Times are "
            "by the patient's clock ({time_zone}).",
            time_zone=whose.patient.time_zone,
        ),
        path=f"{whose.path}/infusion",
        back=whose.path,
        button=say("Enter the infusion"),
        fields=INFUSION_FIELDS,
        shown=(say("Dose and route are filled in as on {day}: please change what differs.", day=last_on),)
        if last_on
        else (),
        values=usual | {"on": whose.clock.wall_date.isoformat(), "at": whose.clock.time(whose.clock.now)},
    )


@form_page(router, "", Permission.TREATMENT_RECORD, _asked)
async def enter_infusion(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Enter it, by the same rules as through the API."""
    whose = await about(visitor, patient_id)
    sent = infusion_in(form, whose.patient.time_zone) | {"confirm": confirmed_in(form)}
    entry = read_as(InfusionEntry, sent)
    entered = await commands.enter_infusion(visitor.work, patient_id, entry.given())
    notice = _NOTICES[entered.remarks[-1]] if entered.remarks else "infusion"
    return f"{notice}&entered={entered.stored.infusion.id}"


@router.post("/{infusion_id}/undo")
async def undo_infusion(patient_id: UUID, infusion_id: UUID, visitor: MayRecord) -> Response:
    """Take back what was entered a moment ago; the page offers it for 20 seconds, the record for ever."""
    await read_own_form(visitor)
    await infusion_corrections.void_infusion(visitor.work, patient_id, infusion_id, reason=_UNDONE)
    return RedirectResponse(f"{path_of(patient_id)}?notice=infusion-undone", 303)
