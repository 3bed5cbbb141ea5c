"""Days without reminders: holidays on which the clinic asks nobody."""

from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.reminders.commands import write_days
from app.care.reminders.queries import read_days
from app.care.reminders.schemas import DaysWithoutReminders
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.asked_form import entry_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may

HERE: Final = f"{SETTINGS}/days-off"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.CLINIC_READ)]
MayChange = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]


@router.get("")
async def show_days(visitor: MayRead) -> Response:
    """Show the days."""
    return await _page(visitor, saved="saved" in visitor.request.query_params)


@router.post("")
async def save_days(visitor: MayChange) -> Response:
    """Keep these days and no others, one a line."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(DaysWithoutReminders, {"days": form["days"].split()})
        await write_days(visitor.work, set(entry.days))

    return await visitor.go_on(change, to=f"{HERE}?saved", again=_page, typed=form["days"])


async def _page(
    visitor: StaffVisitor, *, saved: bool = False, typed: str | None = None, error: RefusalError | None = None
) -> Response:
    days = await read_days(visitor.work)
    return await settings_page(
        visitor,
        "settings_days_off.html",
        here=HERE,
        error=error,
        typed="\n".join(day.isoformat() for day in days) if typed is None else typed,
        saved=saved,
        mistake="" if error is None else say("A day is written out, such as 2026-12-25, one a line."),
    )
