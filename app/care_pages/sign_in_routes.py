"""Signing in and out in a browser: one form, one answer to whatever is wrong in it."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care_pages.page_route import SIGN_IN, CarePageRoute
from app.care_pages.rendering import render
from app.care_pages.visitor import SESSION, AnyStaff, OwnAccount, StaffVisitor, read_own_form, sign_in_with
from app.clinics.service import read_clinic
from app.foundation.errors import RefusalError
from app.staff import account, signing_in
from app.staff.proof_tickets import read_ticket, write_ticket
from app.staff.signing_in import Proof
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.cookies import Cookies
from app.web.pages.forged_forms import ForeignFormError
from app.web.pages.page_route import status_of

START: Final = "/care/"
ACCOUNT: Final = "/care/account"
# Paths of our own pages and nothing that a browser could take for another site's.
_OWN_PATH: Final = re.compile(r"/care/(?!/)[A-Za-z0-9/_.-]{0,300}", re.ASCII)
router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(request: Request, equipment: EquipmentNeeded, visitor: AnyStaff) -> Response:
    """Show the form; whoever is signed in goes on."""
    following = own_path(request.query_params.get("next", ""))
    if visitor.caller is not None:
        return RedirectResponse(following, 303)
    return _form(equipment, visitor, following, out="out" in request.query_params)


@router.post("/sign-in")
async def sign_in(request: Request, equipment: EquipmentNeeded, visitor: AnyStaff) -> Response:
    """Let a member in, or say in one sentence that it did not work."""
    following, email = START, ""
    try:
        form = await read_own_form(request, equipment, visitor)
        following, email = own_path(form["next"]), form["email"][:254]
        proofs = await signing_in.prove(
            equipment,
            email=email,
            password=form["password"],
            code=form["code"][:100],
            address=request.client.host if request.client else "local",
        )
        if len(proofs) > 1:
            return await _choice(equipment, visitor, proofs, following)
        return await _let_in(equipment, visitor, proofs[0], following)
    except ForeignFormError:
        raise
    except RefusalError as error:
        return _form(equipment, visitor, following, email=email, error=error)


@router.post("/sign-in/clinic")
async def choose_clinic(request: Request, equipment: EquipmentNeeded, visitor: AnyStaff) -> Response:
    """Let a member in at the clinic of their choice, of those where everything was right."""
    form = await read_own_form(request, equipment, visitor)
    following = own_path(form["next"])
    try:
        proof = read_ticket(equipment.vault, form["ticket"], form["clinic"], now=equipment.clock.now())
        return await _let_in(equipment, visitor, proof, following)
    except RefusalError as error:
        return _form(equipment, visitor, following, error=error)


@router.post("/sign-out")
async def sign_out(request: Request, equipment: EquipmentNeeded, visitor: OwnAccount) -> Response:
    """End the session, or all of the member's, and let the browser forget it."""
    form = await read_own_form(request, equipment, visitor)
    end = account.sign_out_everywhere if form["everywhere"] else account.sign_out
    await end(equipment, visitor.signed_in)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    Cookies(equipment.public_url).forget(answer, SESSION)
    return answer


def own_path(text: str) -> str:
    """Take a path of these pages as it is, and the worklist for anything else."""
    ours = _OWN_PATH.fullmatch(text) and "//" not in text and ".." not in text
    return text if ours and not text.startswith(SIGN_IN) else START


def _form(
    equipment: Equipment,
    visitor: StaffVisitor,
    following: str,
    *,
    email: str = "",
    out: bool = False,
    error: RefusalError | None = None,
) -> Response:
    answer = render(
        equipment,
        visitor,
        "sign_in.html",
        here=SIGN_IN,
        status=200 if error is None else status_of(error),
        following=following,
        email=email,
        out=out,
        mistake="" if error is None else str(error),
    )
    if error is not None and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


async def _choice(
    equipment: Equipment, visitor: StaffVisitor, proofs: list[Proof], following: str
) -> Response:
    return render(
        equipment,
        visitor,
        "choose_clinic.html",
        here=SIGN_IN,
        following=following,
        ticket=write_ticket(equipment.vault, proofs, now=equipment.clock.now()),
        clinics=[(one.clinic_id, (await read_clinic(equipment, one.clinic_id)).name) for one in proofs],
    )


async def _let_in(equipment: Equipment, visitor: StaffVisitor, proof: Proof, following: str) -> Response:
    signed_in = await signing_in.let_in(equipment, proof)
    if visitor.caller is not None:
        await account.sign_out(equipment, visitor.caller)
    if signed_in.codes_left is not None:
        following = f"{ACCOUNT}?recovered&next={quote(following, safe='/')}"
    answer = RedirectResponse(following, 303)
    sign_in_with(equipment, answer, signed_in.token)
    return answer
