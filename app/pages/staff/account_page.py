"""The own account: who one is here, where one is signed in, password, phone, recovery codes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from app.access.staff import account, passkeys
from app.access.staff.passwords import SHORTEST
from app.access.staff.second_factor import (
    SetUpExpiredError,
    new_secret,
    open_pending,
    otpauth_link,
    seal_pending,
)
from app.care.patients.enrolment import qr_svg
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.sign_in_form import own_path
from app.pages.staff.sign_in_page import ACCOUNT
from app.pages.staff.team_page import ROLE_NAMES
from app.pages.staff.visitor import OwnAccount, StaffVisitor, read_own_form
from app.pages.staff.wall_clock import moment_and_ago
from app.web.dependencies import address_of
from app.web.pages.page_route import status_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A phone that is being set up; nothing of it is kept before its code was right."""

    sealed: str
    secret: str = field(repr=False)
    picture: Markup = field(repr=False)


def new_set_up(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str) -> SetUp:
    """Begin with a new secret."""
    return _shown(context, clinic_id, staff_id, email, new_secret())


def same_set_up(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str, sealed: str) -> SetUp:
    """Go on with the secret that was shown, so that nobody scans twice; with a new one if it does not open."""
    try:
        secret = open_pending(context.vault, sealed, clinic_id=clinic_id, staff_id=staff_id)
    except SetUpExpiredError:
        secret = new_secret()
    return _shown(context, clinic_id, staff_id, email, secret)


def _shown(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str, secret: str) -> SetUp:
    drawn = qr_svg(otpauth_link(secret, email))
    return SetUp(
        sealed=seal_pending(context.vault, secret, clinic_id=clinic_id, staff_id=staff_id),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        # segno's own drawing: nothing of what anybody typed is in it but as dark squares.
        picture=Markup(drawn),  # noqa: S704 - see above
    )


SECOND_FACTOR = "/care/account/second-factor"
PASSKEYS = "/care/account/passkeys"
router = APIRouter(prefix="/care/account", route_class=CarePageRoute, include_in_schema=False)
_DONE = {
    "password": say("Your password is changed. You are signed out everywhere else."),
    "passkey": say("Your passkey is set up. Next time, sign in with it."),
    "keys": say("Saved for this browser."),
    "removed": say("The passkey is removed."),
    "phone": say("Your phone is set up. You are signed out everywhere else."),
    "recovered": say("You are signed in with a recovery code, which is spent now."),
}


@router.get("")
async def show_account(visitor: OwnAccount) -> Response:
    """Show the own account."""
    done = next((text for name, text in _DONE.items() if name in visitor.request.query_params), "")
    following = (
        own_path(visitor.request.query_params.get("next", ""))
        if "next" in visitor.request.query_params
        else ""
    )
    return await _page(visitor, done=done, following=following)


@router.post("/password")
async def change_password(visitor: OwnAccount) -> Response:
    """Take another password."""
    form = await read_own_form(visitor)
    return await visitor.go_on(
        lambda: account.change_password(
            visitor.work,
            visitor.member,
            current=form["current"],
            new=form["password"],
            address=address_of(visitor.request),
        ),
        to=f"{ACCOUNT}?password",
        again=_page,
    )


@router.post("/keys")
async def switch_keys(visitor: OwnAccount) -> Response:
    """Switch the worklist's single letters on or off in this browser: a voice or a slip types them too."""
    form = await read_own_form(visitor)
    answer = RedirectResponse(f"{ACCOUNT}?keys", 303)
    visitor.keep_keys(answer, on=form["keys"] == "on")
    return answer


@router.post("/recovery-codes")
async def new_recovery_codes(visitor: OwnAccount) -> Response:
    """Make ten new codes and show them, this once."""
    form = await read_own_form(visitor)

    async def codes_page(codes: Sequence[str]) -> Response:
        return render(visitor, "recovery_codes.html", here=ACCOUNT, codes=codes, joined=False)

    return await visitor.go_on(
        lambda: account.new_recovery_codes(
            visitor.work, visitor.member, password=form["current"], address=address_of(visitor.request)
        ),
        to=codes_page,
        again=_page,
    )


@router.get("/passkeys")
async def show_passkeys(visitor: OwnAccount) -> Response:
    """Show the passkeys, and what another one takes."""
    return await _passkeys_page(visitor)


@router.post("/passkeys")
async def add_passkey(visitor: OwnAccount) -> Response:
    """Keep a new passkey, once this device has answered."""
    form = await read_own_form(visitor)
    return await visitor.go_on(
        lambda: passkeys.add_passkey(
            visitor.work,
            visitor.member,
            answer=form["answer"],
            sealed=form["challenge"],
            name=form["name"],
            password=form["current"],
            address=address_of(visitor.request),
        ),
        to=f"{ACCOUNT}?passkey",
        again=_passkeys_page,
    )


@router.post("/passkeys/{passkey_id}/remove")
async def remove_passkey(passkey_id: UUID, visitor: OwnAccount) -> Response:
    """Let a passkey open nothing any more."""
    await read_own_form(visitor)
    await passkeys.remove_passkey(visitor.work, visitor.member, passkey_id)
    return RedirectResponse(f"{ACCOUNT}?removed", 303)


@router.get("/second-factor")
async def show_second_factor(visitor: OwnAccount) -> Response:
    """Show the picture for another phone."""
    return await _second_factor_page(visitor)


@router.post("/second-factor")
async def change_second_factor(visitor: OwnAccount) -> Response:
    """Take another phone, once it has shown that it makes the codes."""
    form = await read_own_form(visitor)
    return await visitor.go_on(
        lambda: account.change_second_factor(
            visitor.work,
            visitor.member,
            password=form["current"],
            set_up=form["set_up"],
            code=form["code"],
            address=address_of(visitor.request),
        ),
        to=f"{ACCOUNT}?phone",
        again=_second_factor_page,
        sealed=form["set_up"],
    )


async def _passkeys_page(visitor: StaffVisitor, *, error: RefusalError | None = None) -> Response:
    about, now = await account.read_account(visitor.work, visitor.member), visitor.work.now
    return render(
        visitor,
        "passkeys.html",
        here=PASSKEYS,
        status=200 if error is None else status_of(error),
        email=about.email,
        passkeys=[
            (one, moment_and_ago(one.made_at, now), moment_and_ago(one.used_at, now) if one.used_at else "")
            for one in about.passkeys
        ],
        challenge=await passkeys.challenge_to_add(visitor.work, visitor.member),
        mistake="" if error is None else error.message(),
    )


async def _second_factor_page(
    visitor: StaffVisitor, *, sealed: str | None = None, error: RefusalError | None = None
) -> Response:
    email, caller = (await account.read_account(visitor.work, visitor.member)).email, visitor.signed_in
    whose = (visitor.context, caller.clinic_id, caller.id, email)
    set_up = new_set_up(*whose) if sealed is None else same_set_up(*whose, sealed)
    return render(
        visitor,
        "second_factor.html",
        here=SECOND_FACTOR,
        status=200 if error is None else status_of(error),
        email=email,
        set_up=set_up,
        mistake="" if error is None else error.message(),
    )


async def _page(
    visitor: StaffVisitor, *, done: str = "", following: str = "", error: RefusalError | None = None
) -> Response:
    about, now = await account.read_account(visitor.work, visitor.member), visitor.context.clock.now()
    return render(
        visitor,
        "account.html",
        here=ACCOUNT,
        status=200 if error is None else status_of(error),
        about=about,
        role=ROLE_NAMES[about.member.role],
        sessions=[
            (moment_and_ago(one.opened_at, now), moment_and_ago(one.used_at, now), one.here)
            for one in about.sessions
        ],
        shortest=SHORTEST,
        keys=visitor.keys,
        done=done,
        following=following,
        mistake="" if error is None else error.message(),
    )
