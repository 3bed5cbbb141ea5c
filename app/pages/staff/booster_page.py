"""Booking the next booster, or taking the booking back."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import commands, queries
from app.care.treatment.maintenance_schemas import BookedBooster
from app.foundation.translations import say
from app.pages.staff.about_patient import about
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.web.headers import ChangedMeanwhileError
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/booster", route_class=CarePageRoute, include_in_schema=False
)


def _number(day: date | None) -> int:
    """Make a version of a booking, which has no other: its day's number, 0 for none."""
    return day.toordinal() if day else 0


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    booked = await queries.read_booking(visitor.work, patient_id)
    so_far = (
        say("A booster is booked for {day_ago}.", day_ago=whose.clock.day_ago(booked))
        if booked
        else say("No booster is booked.")
    )
    return AskedForm(
        title=say("Book a booster"),
        whose=whose.reference,
        lead=say(
            "{so_far} While one is booked, no new signal is raised until two days after its day.",
            so_far=so_far,
        ),
        path=f"{whose.path}/booster",
        back=whose.path,
        button=say("Save"),
        fields=(
            Field(
                name="on",
                label=say("Day of the next booster"),
                kind="date",
                hint=say("Today or later. Leave it empty to take a booking back."),
                wrong=say("Please give a day, such as 2026-11-24."),
            ),
        ),
        values={"on": booked.isoformat() if booked else ""},
        version=_number(booked),
        present=(so_far,),
    )


@form_page(router, "", Permission.TREATMENT_RECORD, _asked)
async def book_booster(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Book the day, or take the booking back."""
    on = read_as(BookedBooster, {"on": form["on"].strip()}).on if form["on"].strip() else None
    booked = await queries.read_booking(visitor.work, patient_id)
    if form["version"] != str(_number(booked)):
        raise ChangedMeanwhileError("#/on")
    await commands.book_booster(visitor.work, patient_id, on=on)
    return "booster" if on else "booster-cleared"
