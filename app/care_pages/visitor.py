"""Who looks at a page of the care team: a signed-in member of the staff, or nobody yet."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from app.clinics.caller import ClinicCaller, allowed, find_caller
from app.clinics.permissions import Permission
from app.clinics.staff_sessions import LASTS_AT_MOST
from app.foundation.tokens import TokenKind, TokenNotValidError
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.cookies import Cookies
from app.web.pages.forged_forms import form_token, new_anchor, refuse_forged
from app.web.pages.forms import Form, read_form
from app.web.pages.page_route import NotSignedInError

SESSION: Final = "afterglow-staff"
ANCHOR: Final = "afterglow-staff-anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffVisitor:
    """One browser with one request.

    Attributes:
        caller: the member, or None while nobody is signed in.
        session: the session cookie as sent; it may have ended.
        anchor: what forms of a browser that is not signed in are bound to.
        new_anchor: whether the browser has yet to be given its anchor.
        token: what this browser's forms carry.
    """

    caller: ClinicCaller | None
    session: str
    anchor: str
    new_anchor: bool
    token: str

    @property
    def signed_in(self) -> ClinicCaller:
        """The member.

        Raises:
            NotSignedInError: nobody is signed in.
        """
        if self.caller is None:
            raise NotSignedInError
        return self.caller

    def keep_cookies(self, equipment: Equipment, response: Response) -> None:
        """Let the browser keep what it was told with this page."""
        if self.new_anchor:
            Cookies(equipment.public_url).write(response, ANCHOR, self.anchor, lasts=None)


def sign_in_with(equipment: Equipment, response: Response, token: str) -> None:
    """Let the browser keep a new session."""
    Cookies(equipment.public_url).write(response, SESSION, token, lasts=LASTS_AT_MOST)


async def visitor(request: Request, equipment: EquipmentNeeded) -> StaffVisitor:
    """Look who comes; a session that does not work is no session, never an error."""
    session = Cookies(equipment.public_url).read(request, SESSION)
    caller = None
    if session:
        with suppress(TokenNotValidError):
            caller = await find_caller(equipment, session, TokenKind.STAFF_SESSION)
    return visitor_without_look_up(request, equipment, caller=caller)


def visitor_without_look_up(
    request: Request, equipment: Equipment, *, caller: ClinicCaller | None = None
) -> StaffVisitor:
    """Take what the browser itself says: enough for a page while the database is away."""
    cookies = Cookies(equipment.public_url)
    session, anchor = cookies.read(request, SESSION), cookies.read(request, ANCHOR)
    made = anchor or new_anchor()
    return StaffVisitor(
        caller=caller,
        session=session,
        anchor=made,
        new_anchor=not anchor,
        token=form_token(equipment.vault, session if caller else made),
    )


def staff_may(permission: Permission) -> Callable[..., Awaitable[StaffVisitor]]:
    """Make the dependency that lets only signed-in members with this permission through."""

    async def signed_in(
        request: Request, equipment: EquipmentNeeded, found: Annotated[StaffVisitor, Depends(visitor)]
    ) -> StaffVisitor:
        caller = await allowed(equipment, found.signed_in, permission, request.path_params)
        return StaffVisitor(
            caller=caller,
            session=found.session,
            anchor=found.anchor,
            new_anchor=found.new_anchor,
            token=found.token,
        )

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return signed_in


async def read_own_form(request: Request, equipment: Equipment, visitor: StaffVisitor) -> Form:
    """Read a form that was made for this browser.

    Raises:
        FormExpiredError: it was made for another.
    """
    form = await read_form(request)
    refuse_forged(equipment.vault, form["form_token"], (visitor.session, visitor.anchor))
    return form


AnyStaff = Annotated[StaffVisitor, Depends(visitor)]
