"""Who looks at a page of the care team: a signed-in member of the staff, or nobody yet."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.caller import ClinicCaller, allowed, emergency_of, find_caller
from app.access.clinics.permissions import PERMISSIONS_MATRIX, Permission
from app.access.clinics.staff_sessions import LASTS_AT_MOST, SignedInMember
from app.context import REPLICA_BEHIND, AppContext, Work
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenKind, TokenNotValidError
from app.foundation.translations import STAFF_LANGUAGES
from app.foundation.vault import CannotOpenError
from app.web.dependencies import ContextNeeded, keep_work
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form, form_token, new_anchor, read_upload, refuse_foreign
from app.web.pages.page_route import read_form_to_keep
from app.web.pages.page_visitor import PageVisitor
from app.web.pages.wording import language_for, locale_for

SESSION: Final = "afterglow-staff"
ANCHOR: Final = "afterglow-staff-anchor"
LANGUAGE: Final = "afterglow-staff-language"
FRAMES: Final = "afterglow-staff-frames"
KEYS: Final = "afterglow-staff-keys"
# Of a browser that was in a patient's hands: a sign-in service asks there who it is, also whom it still knows.
HANDED_OVER: Final = "afterglow-handed-over"
HANDED_OVER_LASTS: Final = timedelta(hours=12)
_FRAMES_CELL: Final = {"table": "staff_pages", "column": "frames"}
_NOBODY: Final = UUID(int=0)
_PREFERENCE_LASTS: Final = timedelta(days=400)
MadeT = TypeVar("MadeT")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffVisitor(PageVisitor[ClinicCaller]):
    """One browser of the care team's with one request.

    Attributes:
        language: what the page is written in.
        switched_to: the language that the member chose just now, or an empty text.
        keys: single letters on the keyboard move within the worklist in this browser.
        emergency: the access by which the page's patient is open in an emergency, if there is one.
        frames: origins of the EHR whose pages may show this one, where the browser was launched within them.
    """

    language: str
    switched_to: str
    keys: bool = True
    emergency: UUID | None = None
    frames: tuple[str, ...] = ()

    @property
    def member(self) -> SignedInMember:
        """The member's own session.

        Raises:
            NotSignedInError: nobody is signed in.
        """
        return self.signed_in.signed_in

    @property
    def locale(self) -> str:
        """How the page writes its language."""
        return locale_for(self.language, self.request.headers.get("accept-language", ""))

    def may(self, permission: Permission) -> bool:
        """Say whether this is theirs to do here, also because they opened the patient in an emergency."""
        if self.caller is None:
            return False
        return self.caller.may(permission) or (
            self.emergency is not None and PERMISSIONS_MATRIX[permission].in_emergency
        )

    async def go_on(
        self,
        change: Callable[[], Awaitable[MadeT]],
        to: str | Callable[[MadeT], Awaitable[Response]],
        again: Callable[..., Awaitable[Response]],
        **shown: object,
    ) -> Response:
        """Make a change and go on; or show the page ``again`` with what was refused and typed.

        ``to``: a path, or what shows what was made.
        """
        try:
            made = await change()
        except RefusalError as error:
            await self.work.start_over(snapshot=True)
            return await again(self, error=error, **shown)
        return RedirectResponse(to, 303) if isinstance(to, str) else await to(made)

    def keep_cookies(self, response: Response) -> None:
        """Let the browser keep what it was given with this page."""
        cookies = self.cookies()
        if self.new_anchor:
            cookies.write(response, ANCHOR, self.anchor, lasts=None)
        if self.switched_to:
            cookies.write(response, LANGUAGE, self.switched_to, lasts=_PREFERENCE_LASTS)

    def keep_keys(self, response: Response, *, on: bool) -> None:
        """Let the browser keep whether single letters do something here."""
        self.cookies().write(response, KEYS, "on" if on else "off", lasts=_PREFERENCE_LASTS)

    def cookies(self) -> Cookies:
        """Give the cookies of this browser; within an EHR's page they are for that page alone."""
        return Cookies(self.context.public_url, framed=bool(self.frames))

    def sign_in_with(self, response: Response, token: str) -> None:
        """Let the browser keep a new session: it is in the staff's hands again."""
        cookies = self.cookies()
        cookies.write(response, SESSION, token, lasts=LASTS_AT_MOST)
        cookies.forget(response, HANDED_OVER)


def keep_frames(context: AppContext, response: Response, clinic_id: UUID, frames: Sequence[str]) -> None:
    """Let a browser that was launched within an EHR's page keep which pages may show those of this clinic.

    Sealed: it is a header.
    """
    text = " ".join((str(clinic_id), *frames))
    sealed = context.vault.seal(text, clinic_id=_NOBODY, row_id=_NOBODY, **_FRAMES_CELL)
    text = base64.urlsafe_b64encode(sealed).decode()
    Cookies(context.public_url, framed=True).write(response, FRAMES, text, lasts=LASTS_AT_MOST)


def _frames_in(request: Request, context: AppContext, caller: ClinicCaller | None) -> tuple[str, ...]:
    kept = Cookies(context.public_url).read(request, FRAMES)
    # Only what asks for a page within another: the same browser may have ours open by itself.
    if not kept or not is_framed(request):
        return ()
    try:
        sealed = base64.urlsafe_b64decode(kept.encode())
        text = context.vault.open(sealed, clinic_id=_NOBODY, row_id=_NOBODY, **_FRAMES_CELL)
    except (CannotOpenError, ValueError):
        return ()
    clinic_id, *frames = text.split()
    # One clinic's owner names no pages that may show another clinic's.
    return tuple(frames) if caller is None or clinic_id == str(caller.clinic_id) else ()


def is_framed(request: Request) -> bool:
    """Say whether the browser asks for a page that is shown within another."""
    return request.headers.get("sec-fetch-dest") in {"iframe", "frame"}


async def visitor(request: Request, context: ContextNeeded) -> StaffVisitor:
    """Look who comes; a session that does not work is no session, never an error."""
    session = Cookies(context.public_url).read(request, SESSION)
    caller = None
    if session:
        with suppress(TokenNotValidError):
            caller = await find_caller(context, session, TokenKind.STAFF_SESSION)
    return visitor_without_look_up(request, context, caller=caller)


def visitor_without_look_up(
    request: Request, context: AppContext, *, caller: ClinicCaller | None = None
) -> StaffVisitor:
    """Take what the browser itself says: enough for a page while the database is away."""
    cookies = Cookies(context.public_url)
    session, anchor = cookies.read(request, SESSION), cookies.read(request, ANCHOR)
    made = anchor or new_anchor()
    asked = request.query_params.get("lang", "")
    switched_to = asked if asked in STAFF_LANGUAGES else ""
    return StaffVisitor(
        request=request,
        context=context,
        caller=caller,
        session=session,
        language=language_for(
            STAFF_LANGUAGES,
            chosen=switched_to or cookies.read(request, LANGUAGE),
            locale=None,
            accepted=request.headers.get("accept-language", ""),
        ),
        switched_to=switched_to,
        keys=cookies.read(request, KEYS) != "off",
        frames=_frames_in(request, context, caller),
        anchor=made,
        new_anchor=not anchor,
        token=form_token(context.vault, session if caller else made),
    )


@cache
def staff_may(permission: Permission, *, may_be_old: bool = False) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """Let only signed-in members with this permission through, and give them their transaction.

    Use it as ``visitor: Annotated[StaffVisitor, staff_may(Permission.SIGNALS_READ)]``. A page that is only
    looked at sees one moment; what a form changes commits when the route's function has returned.
    ``may_be_old``: it is read at a replica where there is one.
    """

    async def signed_in(
        request: Request, context: ContextNeeded, found: Annotated[StaffVisitor, Depends(visitor)]
    ) -> AsyncIterator[StaffVisitor]:
        caller = await allowed(context, found.signed_in, permission, request.path_params)
        emergency = caller.emergency_id
        if emergency is None and request.path_params and caller.may(Permission.EMERGENCY):
            emergency = (await emergency_of(context, caller, request.path_params)).access_id
        async with _work_of(request, context, caller, may_be_old=may_be_old) as work:
            keep_work(request, work)
            yield replace(found, caller=caller, emergency=emergency, opened=work)

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return Depends(signed_in, scope="function")


async def own_account(
    request: Request, context: ContextNeeded, found: Annotated[StaffVisitor, Depends(visitor)]
) -> AsyncIterator[StaffVisitor]:
    """Let whoever is signed in through, to what belongs to themselves.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    async with _work_of(request, context, found.signed_in) as work:
        keep_work(request, work)
        yield replace(found, opened=work)


# A test walks every route and reads here who may.
own_account.afterglow_access = "the member's own session"  # type: ignore[attr-defined] # functions take attributes


def _work_of(
    request: Request, context: AppContext, caller: ClinicCaller, *, may_be_old: bool = False
) -> AbstractAsyncContextManager[Work]:
    as_of = context.clock.now() - REPLICA_BEHIND if may_be_old else None
    snapshot = request.method == "GET"
    return context.work(caller.clinic_id, actor=caller.actor, snapshot=snapshot, as_of_at_least=as_of)


async def read_own_form(visitor: StaffVisitor) -> Form:
    """Read a form that was made for this browser, and sent from our own page.

    Raises:
        ForeignFormError: it was sent from another site.
        FormExpiredError: it was made for another browser.
    """
    refuse_foreign(visitor.request, visitor.context.public_url)
    form = await read_form_to_keep(visitor.request)
    visitor.refuse_forged(form)
    return form


async def read_own_upload(visitor: StaffVisitor, name: str) -> tuple[Form, bytes]:
    """Read a form of our own with one file.

    Raises:
        ForeignFormError: it was sent from another site.
        FormExpiredError: it was made for another browser.
    """
    refuse_foreign(visitor.request, visitor.context.public_url)
    form, content = await read_upload(visitor.request, name)
    visitor.refuse_forged(form)
    return form, content


AnyStaff = Annotated[StaffVisitor, Depends(visitor)]
OwnAccount = Annotated[StaffVisitor, Depends(own_account, scope="function")]
