"""The first run: an owner names the clinic and its contacts in steps; the same commands as in the settings."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.commands import change_clinic, missing_to_go_live
from app.access.clinics.permissions import Permission
from app.access.clinics.queries import Clinic, clinic_in
from app.access.clinics.schemas import ClinicChange
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.translations import say
from app.foundation.zones import choosable_zones
from app.pages.staff.asked_form import entry_of, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.clinic import change_in, fields_of
from app.pages.staff.settings.settings_page import settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.pages.forms import Form
from app.web.pages.wording import countries_in

HERE: Final = "/care/setup"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayChange = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
STEPS: Final[Mapping[str, str]] = {"clinic": say("Clinic"), "contacts": say("Contacts"), "try": say("Try it")}
# What a step asks for; the rest of the clinic stays as it is.
_ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "clinic": ("name", "time_zone", "country", "crisis_phone"),
    "contacts": ("safety_contact", "second_contact"),
}


@router.get("")
async def show_setup(visitor: MayChange) -> Response:
    """Go on where setting up stopped."""
    clinic = await clinic_in(visitor.work)
    return await _page(visitor, _next_step(clinic))


@router.get("/{step}")
async def show_step(step: str, visitor: MayChange) -> Response:
    """Show a step."""
    return await _page(visitor, step)


@router.post("/{step}")
async def save_step(step: str, visitor: MayChange) -> Response:
    """Save a step, and go on; what was typed stays when something is refused."""
    if step not in _ASKED:
        raise NotFoundError
    form = await read_own_form(visitor)
    said: dict[str, Any] = {name: value for name, value in change_in(form).items() if name in _ASKED[step]}
    names = list(STEPS)
    following = names[names.index(step) + 1]

    async def change() -> None:
        entry = entry_of(ClinicChange, said)
        await change_clinic(visitor.work, entry.changes(), version=version_of(form))

    return await visitor.go_on(change, to=f"{HERE}/{following}", again=_page, step=step, typed=form)


def _next_step(clinic: Clinic) -> str:
    if clinic.country is None:
        return "clinic"
    return "contacts" if clinic.safety_contact is None or clinic.second_contact is None else "try"


async def _page(
    visitor: StaffVisitor, step: str, *, typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    if step not in STEPS:
        raise NotFoundError
    clinic = await clinic_in(visitor.work)
    kept = fields_of(clinic)
    names = list(STEPS)
    return await settings_page(
        visitor,
        "setup.html",
        here=HERE,
        error=error,
        step=step,
        before=names[names.index(step) - 1] if step != names[0] else "",
        steps=STEPS,
        values=kept if typed is None else {name: typed[name] for name in kept},
        countries=countries_in(visitor.language),
        zones=choosable_zones(),
        missing=[] if clinic.mode == "live" else await missing_to_go_live(visitor.work, clinic),
    )
