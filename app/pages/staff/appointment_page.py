"""What is planned with a patient: planning, moving, canceling, and entering a planned infusion as given."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.care.treatment import appointments
from app.care.treatment.appointment_schemas import AppointmentChange, AppointmentEntry, GivenAsPlanned
from app.clinical.course import Route
from app.foundation.errors import NotFoundError
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import AboutPatient, MayRecord, about, moment_in, number_in, path_of
from app.pages.staff.asked_form import AskedForm, Field, answer_form, confirmed_in, show_form
from app.pages.staff.infusion_page import GIVEN_FIELDS, ROUTES
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.pages.staff.wall_clock import WallClock
from app.storage.appointments import Appointment, AppointmentKind, AppointmentState
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/appointments", route_class=CarePageRoute, include_in_schema=False
)
KINDS: Final[Mapping[str, str]] = {
    AppointmentKind.BOOSTER: say("Booster"),
    AppointmentKind.INDUCTION: say("Induction infusion"),
    AppointmentKind.VISIT: say("Visit"),
}
_STATES: Final[Mapping[str, str]] = {
    AppointmentState.PLANNED: say("planned"),
    AppointmentState.KEPT: say("kept"),
    AppointmentState.CANCELED: say("canceled"),
}
_NOTICES: Final[Mapping[str, str]] = {
    "planned": say("It is planned."),
    "changed": say("The change is saved."),
    "canceled": say("It is canceled."),
}
_WHEN: Final = (
    Field(
        name="on",
        label=say("Day"),
        kind="date",
        hint=say("By the patient's clock."),
        wrong=say("Please give a day to come."),
    ),
    Field(
        name="at",
        label=say("Time (optional)"),
        kind="time",
        wrong=say("A time such as 09:30, or leave it empty."),
    ),
    Field(
        name="dose_mg_per_kg",
        label=say("Planned dose in mg/kg (optional)"),
        kind="number",
        wrong=say("A dose is a number above 0 and at most 15."),
    ),
    Field(
        name="dose_mg",
        label=say("Planned dose in mg (optional)"),
        kind="number",
        wrong=say("A dose is a number above 0 and at most 4500."),
    ),
    Field(
        name="route",
        label=say("Planned route (optional)"),
        kind="choice",
        choices=(("", say("Not stated")), *ROUTES.items()),
    ),
)
_KIND: Final = Field(name="kind", label=say("What"), kind="choice", choices=tuple(KINDS.items()))


def appointment_said(one: Appointment, clock: WallClock) -> str:
    """Say what is planned, and for when."""
    doses = (
        say("{dose:g} mg/kg", dose=one.dose_mg_per_kg) if one.dose_mg_per_kg else "",
        say("{dose_mg:g} mg", dose_mg=one.dose_mg) if one.dose_mg else "",
        ROUTES[Route(one.route)] if one.route else "",
    )
    dose = joined(filter(None, doses))
    when = (KINDS[one.kind], clock.day_ago(one.on), f"{one.at:%H:%M}" if one.at else "")
    return joined(filter(None, (joined(filter(None, when)), dose)), ": ")


def _present(one: Appointment, clock: WallClock) -> str:
    return joined((appointment_said(one, clock), ", ", _STATES[one.state], "."), "")


@router.get("")
async def show_appointments(patient_id: UUID, visitor: MayRecord, notice: str = "") -> Response:
    """Show what is planned, and what was kept or canceled."""
    whose = await about(visitor, patient_id)
    found = await appointments.list_appointments(visitor.work, patient_id, with_past=True)
    rows = [
        {
            "id": one.id,
            "said": appointment_said(one, whose.clock),
            "state": _STATES[one.state],
            "open": one.state is AppointmentState.PLANNED,
            "infusion": one.kind is not AppointmentKind.VISIT,
        }
        for one in found
    ]
    return render(
        visitor,
        "patient_appointments.html",
        here="/care/patients",
        whose=whose,
        rows=rows,
        path=_path(patient_id),
        notice=_NOTICES.get(notice, ""),
    )


@router.get("/new")
async def show_new_form(patient_id: UUID, visitor: MayRecord) -> Response:
    """Show the form for an appointment."""
    return show_form(visitor, await _new(visitor, patient_id))


@router.post("/new")
async def plan_appointment(patient_id: UUID, visitor: MayRecord) -> Response:
    """Plan an appointment."""
    form = await read_own_form(visitor)

    async def act() -> str:
        body = read_as(AppointmentEntry, _sent(form) | {"kind": form["kind"]})
        await appointments.plan(visitor.work, patient_id, body.planned())
        return "planned"

    return await answer_form(visitor, lambda: _new(visitor, patient_id), form, act, back=_path(patient_id))


@router.get("/{appointment_id}")
async def show_appointment(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Show an appointment, to be changed."""
    return show_form(visitor, await _changed(visitor, patient_id, appointment_id))


@router.post("/{appointment_id}")
async def change_appointment(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Change an appointment, unless someone else changed it meanwhile."""
    form = await read_own_form(visitor)

    async def act() -> str:
        body = read_as(AppointmentChange, _sent(form))
        version = version_in(form["version"])
        await appointments.change(visitor.work, patient_id, appointment_id, body.changes(), version=version)
        return "changed"

    return await answer_form(
        visitor, lambda: _changed(visitor, patient_id, appointment_id), form, act, back=_path(patient_id)
    )


@router.get("/{appointment_id}/cancel")
async def ask_to_cancel(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Ask once more."""
    return show_form(visitor, await _canceled(visitor, patient_id, appointment_id))


@router.post("/{appointment_id}/cancel")
async def cancel_appointment(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Cancel an appointment."""
    form = await read_own_form(visitor)

    async def act() -> str:
        version = version_in(form["version"])
        await appointments.cancel(visitor.work, patient_id, appointment_id, version=version)
        return "canceled"

    return await answer_form(
        visitor, lambda: _canceled(visitor, patient_id, appointment_id), form, act, back=_path(patient_id)
    )


@router.get("/{appointment_id}/give")
async def ask_when_given(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Ask when it was given; all else is as planned."""
    return show_form(visitor, await _given(visitor, patient_id, appointment_id))


@router.post("/{appointment_id}/give")
async def confirm_given(patient_id: UUID, appointment_id: UUID, visitor: MayRecord) -> Response:
    """Enter a planned infusion as given."""
    form = await read_own_form(visitor)

    async def act() -> str:
        zone = (await about(visitor, patient_id)).patient.time_zone
        given_at = moment_in(form, zone, pointer="#/given_at").isoformat()
        body = read_as(GivenAsPlanned, {"given_at": given_at, "confirm": confirmed_in(form)})
        await appointments.confirm_given(
            visitor.work,
            patient_id,
            appointment_id,
            given_at=body.given_at,
            confirm=body.confirm,
            version=version_in(form["version"]),
        )
        return "infusion"

    return await answer_form(
        visitor, lambda: _given(visitor, patient_id, appointment_id), form, act, back=path_of(patient_id)
    )


def _path(patient_id: UUID) -> str:
    return f"/care/patients/{patient_id}/appointments"


def _sent(form: Form) -> dict[str, object]:
    """Take a form's fields as the API is sent them."""
    return {
        "on": form["on"].strip(),
        "at": form["at"].strip() or None,
        "dose_mg_per_kg": number_in(form["dose_mg_per_kg"]),
        "dose_mg": number_in(form["dose_mg"]),
        "route": form["route"] or None,
        "confirm": confirmed_in(form),
    }


async def _new(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Plan an appointment"),
        whose=whose.reference,
        lead=say("While a booster is planned, no new signal is raised until two days after its day."),
        path=f"{_path(patient_id)}/new",
        back=_path(patient_id),
        button=say("Plan it"),
        fields=(_KIND, *_WHEN),
        values={"kind": AppointmentKind.BOOSTER.value},
    )


async def _one(
    visitor: StaffVisitor, patient_id: UUID, appointment_id: UUID
) -> tuple[AboutPatient, Appointment]:
    whose = await about(visitor, patient_id)
    found = await appointments.list_appointments(visitor.work, patient_id, with_past=True)
    one = next((each for each in found if each.id == appointment_id), None)
    if one is None:
        raise NotFoundError
    return whose, one


async def _changed(visitor: StaffVisitor, patient_id: UUID, appointment_id: UUID) -> AskedForm:
    whose, one = await _one(visitor, patient_id, appointment_id)
    return AskedForm(
        title=say("Change an appointment"),
        whose=whose.reference,
        lead=joined((appointment_said(one, whose.clock), "."), ""),
        path=f"{_path(patient_id)}/{appointment_id}",
        back=_path(patient_id),
        button=say("Save the change"),
        fields=_WHEN,
        values={
            "on": one.on.isoformat(),
            "at": f"{one.at:%H:%M}" if one.at else "",
            "dose_mg_per_kg": "" if one.dose_mg_per_kg is None else f"{one.dose_mg_per_kg:g}",
            "dose_mg": "" if one.dose_mg is None else f"{one.dose_mg:g}",
            "route": one.route or "",
        },
        version=one.version,
        present=(_present(one, whose.clock),),
    )


async def _canceled(visitor: StaffVisitor, patient_id: UUID, appointment_id: UUID) -> AskedForm:
    whose, one = await _one(visitor, patient_id, appointment_id)
    return AskedForm(
        title=say("Cancel this appointment?"),
        whose=whose.reference,
        lead=joined((appointment_said(one, whose.clock), "."), ""),
        path=f"{_path(patient_id)}/{appointment_id}/cancel",
        back=_path(patient_id),
        button=say("Cancel the appointment"),
        fields=(),
        version=one.version,
        present=(_present(one, whose.clock),),
        serious=True,
    )


async def _given(visitor: StaffVisitor, patient_id: UUID, appointment_id: UUID) -> AskedForm:
    whose, one = await _one(visitor, patient_id, appointment_id)
    clock = whose.clock
    return AskedForm(
        title=say("Given as planned"),
        whose=whose.reference,
        lead=say(
            "{appointment_said}. Dose and route are entered as planned; correct them afterwards if "
            "they were not.",
            appointment_said=appointment_said(one, clock),
        ),
        path=f"{_path(patient_id)}/{appointment_id}/give",
        back=_path(patient_id),
        button=say("Enter the infusion"),
        fields=GIVEN_FIELDS,
        values={"on": clock.wall_date.isoformat(), "at": clock.time(clock.now)},
        version=one.version,
        present=(_present(one, clock),),
    )
