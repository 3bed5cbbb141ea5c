"""Signing in and out in a browser: one form, one answer to whatever is wrong in it."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.queries import clinic_name
from app.access.staff import account, passkeys, signing_in
from app.access.staff.login_throttle import DEVICE_KNOWN_FOR
from app.access.staff.signing_in import Proof, SignedIn, read_ticket, write_ticket
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.page_route import SIGN_IN, CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import SESSION, AnyStaff, OwnAccount, StaffVisitor, read_own_form, sign_in_with
from app.web.dependencies import ContextNeeded, address_of
from app.web.pages.cookies import Cookies
from app.web.pages.forms import ForeignFormError
from app.web.pages.page_route import status_of

START: Final = "/care/"
ACCOUNT: Final = "/care/account"
# What a browser is known by in which a member signed in before; others' guesses do not lock it.
DEVICE: Final = "afterglow-staff-device"
# Paths of our own pages and nothing that a browser could take for another site's.
_OWN_PATH: Final = re.compile(r"/care/(?!/)[A-Za-z0-9/_.-]{0,300}", re.ASCII)
router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(request: Request, context: ContextNeeded, visitor: AnyStaff) -> Response:
    """Show the form; whoever is signed in goes on."""
    following = own_path(request.query_params.get("next", ""))
    if visitor.caller is not None:
        return RedirectResponse(following, 303)
    return _form(context, visitor, following, out="out" in request.query_params)


@router.post("/sign-in")
async def sign_in(request: Request, context: ContextNeeded, visitor: AnyStaff) -> Response:
    """Sign a member in, or say in one sentence that it did not work."""
    following, email = START, ""
    try:
        form = await read_own_form(request, context, visitor)
        following, email = own_path(form["next"]), form["email"][:254]
        proofs = await signing_in.prove(
            context,
            email=email,
            password=form["password"],
            code=form["code"][:100],
            address=address_of(request),
            device_token=device_of(request, context),
        )
        if len(proofs) > 1:
            return await _choice(context, visitor, proofs, following)
        return await _open_session(request, context, visitor, proofs[0], following)
    except ForeignFormError:
        raise
    except RefusalError as error:
        return _form(context, visitor, following, email=email, error=error)


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(request: Request, context: ContextNeeded, visitor: AnyStaff) -> Response:
    """Sign a member in whose passkey answered."""
    following = START
    try:
        form = await read_own_form(request, context, visitor)
        following = own_path(form["next"])
        signed_in = await passkeys.sign_in_with_passkey(
            context,
            answer=form["answer"],
            sealed=form["challenge"],
            address=address_of(request),
            device_token=device_of(request, context),
        )
    except ForeignFormError:
        raise
    except RefusalError as error:
        return _form(context, visitor, following, error=error)
    return await _signed_in(context, visitor, signed_in, following)


@router.post("/sign-in/clinic")
async def choose_clinic(request: Request, context: ContextNeeded, visitor: AnyStaff) -> Response:
    """Sign a member in at the clinic of their choice, of those where everything was right."""
    form = await read_own_form(request, context, visitor)
    following = own_path(form["next"])
    try:
        proof = read_ticket(context.vault, form["ticket"], form["clinic"], now=context.clock.now())
        return await _open_session(request, context, visitor, proof, following)
    except RefusalError as error:
        return _form(context, visitor, following, error=error)


@router.post("/sign-out")
async def sign_out(request: Request, context: ContextNeeded, visitor: OwnAccount) -> Response:
    """End the session, or all of the member's, and let the browser forget it."""
    form = await read_own_form(request, context, visitor)
    end = account.sign_out_everywhere if form["everywhere"] else account.sign_out
    await end(visitor.work, visitor.member)
    answer = RedirectResponse(f"{SIGN_IN}?out", 303)
    Cookies(context.public_url).forget(answer, SESSION)
    return answer


def device_of(request: Request, context: AppContext) -> str:
    """Give what this browser is known by since it signed in before, or an empty text."""
    return Cookies(context.public_url).read(request, DEVICE)[:100]


async def end_session_here(context: AppContext, visitor: StaffVisitor) -> None:
    """End the session that this browser had before: it is not the next person's to keep."""
    if visitor.caller is None:
        return
    async with context.work(visitor.caller.clinic_id, actor=visitor.caller.actor) as work:
        await account.sign_out(work, visitor.member)


def own_path(text: str) -> str:
    """Take a path of these pages as it is, and the worklist for anything else."""
    ours = _OWN_PATH.fullmatch(text) and "//" not in text and ".." not in text
    return text if ours and not text.startswith(SIGN_IN) else START


def _form(
    context: AppContext,
    visitor: StaffVisitor,
    following: str,
    *,
    email: str = "",
    out: bool = False,
    error: RefusalError | None = None,
) -> Response:
    answer = render(
        context,
        visitor,
        "sign_in.html",
        here=SIGN_IN,
        status=200 if error is None else status_of(error),
        following=following,
        email=email,
        out=out,
        passkey=passkeys.challenge_to_sign_in(context),
        mistake="" if error is None else str(error),
    )
    if error is not None and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


async def _choice(
    context: AppContext, visitor: StaffVisitor, proofs: list[Proof], following: str
) -> Response:
    return render(
        context,
        visitor,
        "choose_clinic.html",
        here=SIGN_IN,
        following=following,
        ticket=write_ticket(context.vault, proofs, now=context.clock.now()),
        clinics=[(one.clinic_id, await clinic_name(context, one.clinic_id)) for one in proofs],
    )


async def _open_session(
    request: Request, context: AppContext, visitor: StaffVisitor, proof: Proof, following: str
) -> Response:
    signed_in = await signing_in.open_session_for(context, proof, device_token=device_of(request, context))
    return await _signed_in(context, visitor, signed_in, following)


async def _signed_in(
    context: AppContext, visitor: StaffVisitor, signed_in: SignedIn, following: str
) -> Response:
    await end_session_here(context, visitor)
    if signed_in.codes_left is not None:
        following = f"{ACCOUNT}?recovered&next={quote(following, safe='/')}"
    answer = RedirectResponse(following, 303)
    sign_in_with(context, answer, signed_in.token)
    Cookies(context.public_url).write(answer, DEVICE, signed_in.device_token, lasts=DEVICE_KNOWN_FOR)
    return answer
