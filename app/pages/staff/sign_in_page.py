"""Signing in and out in a browser: one form, one answer to whatever is wrong in it."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.caller import find_caller
from app.access.clinics.queries import clinic_name
from app.access.staff import account, passkeys, signing_in
from app.access.staff.login_throttle import DEVICE_KNOWN_FOR
from app.access.staff.signing_in import Proof, SignedIn, read_ticket, write_ticket
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenKind
from app.foundation.translations import say
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.sign_in_form import (
    SIGN_IN,
    Onward,
    kept_page,
    onward_of,
    open_kept,
    own_path,
    sign_in_form,
)
from app.pages.staff.visitor import SESSION, AnyStaff, OwnAccount, StaffVisitor, read_own_form
from app.web.dependencies import address_of
from app.web.pages.cookies import Cookies
from app.web.pages.forms import ForeignFormError, form_token

ACCOUNT: Final = "/care/account"
# What a browser is known by in which a member signed in before; others' guesses do not lock it.
DEVICE: Final = "afterglow-staff-device"
router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(visitor: AnyStaff) -> Response:
    """Show the form; whoever is signed in goes on."""
    onward = Onward(path=own_path(visitor.request.query_params.get("next", "")))
    if visitor.caller is not None:
        return RedirectResponse(onward.path, 303)
    return sign_in_form(visitor, onward, out="out" in visitor.request.query_params)


@router.post("/sign-in")
async def sign_in(visitor: AnyStaff) -> Response:
    """Sign a member in, or say in one sentence that it did not work."""
    onward, email = Onward(), ""
    try:
        form = await read_own_form(visitor)
        onward, email = onward_of(form), form["email"][:254]
        proofs = await signing_in.prove(
            visitor.context,
            email=email,
            password=form["password"],
            code=form["code"][:100],
            address=address_of(visitor.request),
            device_token=device_of(visitor.request, visitor.context),
        )
        if len(proofs) > 1:
            return await _choice(visitor, proofs, onward)
        return await _open_session(visitor, proofs[0], onward)
    except ForeignFormError:
        raise
    except RefusalError as error:
        return sign_in_form(visitor, onward, email=email, error=error)


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(visitor: AnyStaff) -> Response:
    """Sign a member in whose passkey answered."""
    onward = Onward()
    try:
        form = await read_own_form(visitor)
        onward = onward_of(form)
        signed_in = await passkeys.sign_in_with_passkey(
            visitor.context,
            answer=form["answer"],
            sealed=form["challenge"],
            address=address_of(visitor.request),
            device_token=device_of(visitor.request, visitor.context),
        )
    except ForeignFormError:
        raise
    except RefusalError as error:
        return sign_in_form(visitor, onward, error=error)
    return await signed_in_answer(visitor, signed_in, onward)


@router.post("/sign-in/clinic")
async def choose_clinic(visitor: AnyStaff) -> Response:
    """Sign a member in at the clinic of their choice, of those where everything was right."""
    form = await read_own_form(visitor)
    onward = onward_of(form)
    try:
        proof = read_ticket(
            visitor.context.vault, form["ticket"], form["clinic"], now=visitor.context.clock.now()
        )
        return await _open_session(visitor, proof, onward)
    except RefusalError as error:
        return sign_in_form(visitor, onward, error=error)


@router.post("/sign-out")
async def sign_out(visitor: OwnAccount) -> Response:
    """End the session, or all of the member's, and let the browser forget it."""
    form = await read_own_form(visitor)
    end = account.sign_out_everywhere if form["everywhere"] else account.sign_out
    await end(visitor.work, visitor.member)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    visitor.cookies().forget(answer, SESSION)
    return answer


def device_of(request: Request, context: AppContext) -> str:
    """Give what this browser is known by since it signed in before, or an empty text."""
    return Cookies(context.public_url).read(request, DEVICE)[:100]


async def end_session_here(visitor: StaffVisitor) -> None:
    """End the session that this browser had before: it is not the next person's to keep."""
    if visitor.caller is None:
        return
    async with visitor.context.work(visitor.caller.clinic_id, actor=visitor.caller.actor) as work:
        await account.sign_out(work, visitor.member)


async def _choice(visitor: StaffVisitor, proofs: list[Proof], onward: Onward) -> Response:
    return render(
        visitor,
        "choose_clinic.html",
        here=SIGN_IN,
        onward=onward,
        ticket=write_ticket(visitor.context.vault, proofs, now=visitor.context.clock.now()),
        clinics=[(one.clinic_id, await clinic_name(visitor.context, one.clinic_id)) for one in proofs],
    )


async def _open_session(visitor: StaffVisitor, proof: Proof, onward: Onward) -> Response:
    signed_in = await signing_in.open_session_for(
        visitor.context, proof, device_token=device_of(visitor.request, visitor.context)
    )
    return await signed_in_answer(visitor, signed_in, onward)


async def signed_in_answer(visitor: StaffVisitor, signed_in: SignedIn, onward: Onward) -> Response:
    """Let the browser keep the new session, and go on."""
    await end_session_here(visitor)
    answer = await _first_page(visitor, signed_in, onward)
    visitor.sign_in_with(answer, signed_in.token)
    visitor.cookies().write(answer, DEVICE, signed_in.device_token, lasts=DEVICE_KNOWN_FOR)
    return answer


async def _first_page(visitor: StaffVisitor, signed_in: SignedIn, onward: Onward) -> Response:
    """Go on with the form that was kept, else where one wanted to."""
    if onward.draft:
        caller = await find_caller(visitor.context, signed_in.token, TokenKind.STAFF_SESSION)
        if kept := open_kept(visitor.context.vault, onward.draft, caller, now=visitor.context.clock.now()):
            found = replace(visitor, caller=caller, token=form_token(visitor.context.vault, signed_in.token))
            sentence = say("What you wrote before you were signed out is not saved yet.")
            return kept_page(found, kept, title=say("You are signed in again"), sentence=sentence)
    if signed_in.codes_left is not None:
        return RedirectResponse(f"{ACCOUNT}?recovered&next={quote(onward.path, safe='/')}", 303)
    return RedirectResponse(onward.path, 303)
