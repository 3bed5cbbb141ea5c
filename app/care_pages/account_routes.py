"""The own account: who one is here, where one is signed in, password, phone, recovery codes."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care_pages.page_route import CarePageRoute
from app.care_pages.rendering import render
from app.care_pages.second_factor_page import SetUp, new_set_up, same_set_up
from app.care_pages.sign_in_routes import ACCOUNT, own_path
from app.care_pages.visitor import OwnAccount, StaffVisitor, read_own_form
from app.care_pages.when import moment_and_ago
from app.foundation.errors import RefusalError
from app.staff import account
from app.staff.passwords import SHORTEST
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.page_route import status_of

SECOND_FACTOR = "/care/account/second-factor"
router = APIRouter(prefix="/care/account", route_class=CarePageRoute, include_in_schema=False)
_TOLD = {
    "password": "Your password is changed. You are signed out everywhere else.",
    "phone": "Your phone is set up. You are signed out everywhere else.",
    "recovered": "You are signed in with a recovery code, which is spent now.",
}


@router.get("")
async def show_account(request: Request, equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """Show the own account."""
    told = next((text for name, text in _TOLD.items() if name in request.query_params), "")
    following = own_path(request.query_params.get("next", "")) if "next" in request.query_params else ""
    return await _page(equipment, visitor, told=told, following=following)


@router.post("/password")
async def change_password(request: Request, equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """Take another password."""
    form = await read_own_form(request, equipment, visitor)
    try:
        await account.change_password(
            equipment, visitor.signed_in, current=form["current"], new=form["password"]
        )
    except RefusalError as error:
        return await _page(equipment, visitor, error=error)
    return RedirectResponse(f"{ACCOUNT}?password", 303)


@router.post("/recovery-codes")
async def new_recovery_codes(request: Request, equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """Make ten new codes and show them, this once."""
    form = await read_own_form(request, equipment, visitor)
    try:
        codes = await account.new_recovery_codes(equipment, visitor.signed_in, password=form["current"])
    except RefusalError as error:
        return await _page(equipment, visitor, error=error)
    return render(equipment, visitor, "recovery_codes.html", here=ACCOUNT, codes=codes, joined=False)


@router.get("/second-factor")
async def show_second_factor(equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """Show the picture for another phone."""
    about = await account.read_account(equipment, visitor.signed_in)
    caller = visitor.signed_in
    return _set_up_page(
        equipment, visitor, about.email, new_set_up(equipment, caller.clinic_id, caller.id, about.email)
    )


@router.post("/second-factor")
async def change_second_factor(request: Request, equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """Take another phone, once it has shown that it makes the codes."""
    form, caller = await read_own_form(request, equipment, visitor), visitor.signed_in
    try:
        await account.change_second_factor(
            equipment, caller, password=form["current"], set_up=form["set_up"], code=form["code"]
        )
    except RefusalError as error:
        about = await account.read_account(equipment, caller)
        again = same_set_up(equipment, caller.clinic_id, caller.id, about.email, form["set_up"])
        return _set_up_page(equipment, visitor, about.email, again, error=error)
    return RedirectResponse(f"{ACCOUNT}?phone", 303)


def _set_up_page(
    equipment: Equipment,
    visitor: StaffVisitor,
    email: str,
    set_up: SetUp,
    *,
    error: RefusalError | None = None,
) -> Response:
    return render(
        equipment,
        visitor,
        "second_factor.html",
        here=SECOND_FACTOR,
        status=200 if error is None else status_of(error),
        email=email,
        set_up=set_up,
        mistake="" if error is None else str(error),
    )


async def _page(
    equipment: Equipment,
    visitor: StaffVisitor,
    *,
    told: str = "",
    following: str = "",
    error: RefusalError | None = None,
) -> Response:
    about, now = await account.read_account(equipment, visitor.signed_in), equipment.clock.now()
    return render(
        equipment,
        visitor,
        "account.html",
        here=ACCOUNT,
        status=200 if error is None else status_of(error),
        about=about,
        role=about.member.role.value.replace("_", " "),
        sessions=[
            (moment_and_ago(one.opened_at, now), moment_and_ago(one.used_at, now), one.here)
            for one in about.sessions
        ],
        shortest=SHORTEST,
        told=told,
        following=following,
        mistake="" if error is None else str(error),
    )
