"""Clinic and contacts: name, logo and place, the clinic's number, who is notified when nobody answers, how soon."""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics import contact_tests, logos
from app.access.clinics.commands import change_clinic
from app.access.clinics.contact_tests import ShownTest
from app.access.clinics.permissions import Permission
from app.access.clinics.queries import Clinic, clinic_in
from app.access.clinics.schemas import ClinicChange, ContactTestEntry
from app.clinical.waiting import LIMIT_NOTES
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.translations import say
from app.foundation.zones import choosable_zones
from app.pages.staff.asked_form import entry_of, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, read_own_upload, staff_may
from app.pages.staff.wall_clock import how_long
from app.storage import clinics
from app.web.pages.answers import PictureAnswer
from app.web.pages.forms import Form
from app.web.pages.wording import countries_in

HERE: Final = f"{SETTINGS}/clinic"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.CLINIC_READ)]
MayChange = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
_CONTACT: Final = ("name", "email", "phone")


@router.get("")
async def show_clinic(visitor: MayRead) -> Response:
    """Show what the clinic says of itself."""
    return await _page(visitor, saved="saved" in visitor.request.query_params)


@router.post("")
async def save_clinic(visitor: MayChange) -> Response:
    """Change it; what was typed stays when something is refused."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(ClinicChange, change_in(form))
        await change_clinic(visitor.work, entry.changes(), version=version_of(form))

    return await visitor.go_on(change, to=f"{HERE}?saved", again=_page, typed=form)


@router.post("/contact-test")
async def send_contact_test(visitor: MayChange) -> Response:
    """Mail a link to press to whom the clinic may name as a contact."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(ContactTestEntry, {"email": form["email"].strip()})
        await contact_tests.send_test(visitor.work, entry.email)

    return await visitor.go_on(change, to=f"{HERE}?saved", again=_page)


@router.get("/logo/{digest}")
async def show_logo(digest: str, visitor: MayRead) -> Response:
    """Give the logo that patients see; another one has another address."""
    if digest != await clinics.logo_digest(visitor.work):
        raise NotFoundError
    return PictureAnswer(await logos.logo_of(visitor.work))


@router.post("/logo")
async def put_logo(visitor: MayChange) -> Response:
    """Put a picture in the place of the logo, or remove it."""
    form, picture = await read_own_upload(visitor, "picture")

    async def change() -> None:
        if form["remove"]:
            await logos.remove_logo(visitor.work)
        else:
            await logos.put_logo(visitor.work, picture)

    return await visitor.go_on(change, to=f"{HERE}?saved", again=_page)


def change_in(form: Form) -> dict[str, Any]:
    """Give the form as the body of the API's own call; an empty contact is none."""
    change: dict[str, Any] = {
        "name": form["name"].strip(),
        "time_zone": form["time_zone"].strip(),
        "country": form["country"].strip().upper() or None,
        "crisis_phone": form["crisis_phone"].strip() or None,
        "asks_long_exposure": form["asks_long_exposure"] == "yes",
        "ehr_link_template": form["ehr_link_template"].strip() or None,
        "limits": {name: form[f"limits/{name}"].strip() or None for name in LIMIT_NOTES},
    }
    for role in ("safety_contact", "second_contact"):
        given = {part: form[f"{role}/{part}"].strip() for part in _CONTACT}
        change[role] = {**given, "phone": given["phone"] or None} if any(given.values()) else None
    return change


def fields_of(clinic: Clinic) -> dict[str, str]:
    """Give what holds now, as the form's fields."""
    fields = {
        "name": clinic.name,
        "time_zone": clinic.time_zone,
        "country": clinic.country or "",
        "crisis_phone": clinic.crisis_phone or "",
        "asks_long_exposure": "yes" if clinic.asks_long_exposure else "",
        "ehr_link_template": clinic.ehr_link_template or "",
        "version": str(clinic.version),
    }
    for role, contact in (
        ("safety_contact", clinic.safety_contact),
        ("second_contact", clinic.second_contact),
    ):
        fields |= {f"{role}/{part}": getattr(contact, part, None) or "" for part in _CONTACT}
    return fields | {f"limits/{name}": str(getattr(clinic.limits, name)) for name in LIMIT_NOTES}


def _tested(one: ShownTest, visitor: StaffVisitor) -> tuple[str, str, str]:
    now = visitor.work.now
    answered = (
        say("answered {how_long}", how_long=how_long(one.answered_at, now))
        if one.answered_at
        else say("not answered yet")
    )
    return one.email, say("sent {how_long}", how_long=how_long(one.sent_at, now)), answered


async def _page(
    visitor: StaffVisitor,
    *,
    saved: bool = False,
    typed: Form | None = None,
    error: RefusalError | None = None,
) -> Response:
    kept = fields_of(await clinic_in(visitor.work))
    # After a refusal the version is that of the page as it was: someone else's change is still in the way.
    values = kept if typed is None else {name: typed[name] for name in kept}
    return await settings_page(
        visitor,
        "settings_clinic.html",
        here=HERE,
        error=error,
        values=values,
        countries=countries_in(visitor.language),
        zones=choosable_zones(),
        limits=LIMIT_NOTES,
        tests=[_tested(one, visitor) for one in await contact_tests.list_tests(visitor.work)],
        saved=saved,
        logo=await clinics.logo_digest(visitor.work),
    )
