"""How long what is kept, and the legal holds on what has to stay."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts.queries import names_in
from app.care.patients.queries import chart_numbers_of, id_of_chart_number
from app.care.retention import commands, queries
from app.care.retention.schemas import LegalHoldEntry, RetentionEntry
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.about_patient import whole_in
from app.pages.staff.asked_form import entry_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.pages.forms import Form

HERE: Final = f"{SETTINGS}/retention"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayServeRights = Annotated[StaffVisitor, staff_may(Permission.RIGHTS)]
_MONTHS: Final = (
    (
        "deliveries_months",
        say("Events and deliveries"),
        say("What your systems were sent, with every attempt. From 4 months on."),
    ),
    (
        "messages_months",
        say("Messages and reminders"),
        say("That something was sent, never its text. From 4 months on."),
    ),
    (
        "archived_patients_months",
        say("Archived patients"),
        say("Everything about them, erased for good. From 12 months after archiving on."),
    ),
)
_DONE: Final = {
    "rules": say("Saved."),
    "placed": say("The hold is placed."),
    "lifted": say("The hold is lifted."),
}


class NoPatientOfThisNumberError(RefusalError):
    """No patient has this chart number."""

    code = "no-such-chart-number"


@router.get("")
async def show_retention(visitor: MayServeRights) -> Response:
    """Show the rules and the holds."""
    return await _page(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("")
async def save_rules(visitor: MayServeRights) -> Response:
    """Keep these rules and no others."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(RetentionEntry, {name: whole_in(form[name]) for name, _, _ in _MONTHS})
        await commands.write_rules(visitor.work, entry.rules())

    return await visitor.go_on(change, to=f"{HERE}?done=rules", again=_page, typed=form)


@router.post("/holds")
async def place_hold(visitor: MayServeRights) -> Response:
    """Place a hold on one patient, or on all of the clinic."""
    form = await read_own_form(visitor)

    async def change() -> None:
        patient_id, number = None, form["patient"].strip()
        if number:
            patient_id = await id_of_chart_number(visitor.work, number)
            if patient_id is None:
                raise NoPatientOfThisNumberError("#/patient")
        entry = entry_of(LegalHoldEntry, {"patient_id": patient_id, "reason": form["reason"].strip()})
        await commands.place_hold(visitor.work, patient_id=entry.patient_id, reason=entry.reason)

    return await visitor.go_on(change, to=f"{HERE}?done=placed", again=_page, typed=form)


@router.post("/holds/{hold_id}/lift")
async def lift_hold(hold_id: UUID, visitor: MayServeRights) -> Response:
    """Lift a hold."""
    form = await read_own_form(visitor)
    return await visitor.go_on(
        lambda: commands.lift_hold(visitor.work, hold_id), to=f"{HERE}?done=lifted", again=_page, typed=form
    )


async def _page(
    visitor: StaffVisitor, *, done: str = "", typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    rules = await queries.read_rules(visitor.work)
    holds = await queries.list_holds(visitor.work)
    numbers = await chart_numbers_of(visitor.work, [one.patient_id for one in holds if one.patient_id])
    names = await names_in(visitor.work, [one.placed_by for one in holds])
    values = {name: getattr(rules, name) or "" for name, _, _ in _MONTHS} | {"patient": "", "reason": ""}
    return await settings_page(
        visitor,
        "settings_retention.html",
        here=HERE,
        error=error,
        months=_MONTHS,
        typed=values | ({} if typed is None else dict(typed)),
        holds=holds,
        whose=numbers,
        names=names,
        done=_DONE.get(done, ""),
    )
