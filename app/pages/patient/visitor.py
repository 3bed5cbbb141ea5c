"""Who looks at a page: a signed-in browser or nobody yet, in which language, and with which clinic's number."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from app.care.patients import devices
from app.care.patients.caller import PatientCaller
from app.care.patients.crisis_help import country_of_caller, help_for_caller
from app.context import AppContext
from app.foundation.tokens import TokenNotValidError
from app.foundation.translations import LANGUAGES
from app.notifications.messages.crisis_help import CrisisHelp, crisis_help
from app.notifications.messages.national_crisis_lines import NATIONAL_HELP
from app.web.dependencies import ContextNeeded, keep_work
from app.web.pages.cookies import Cookies
from app.web.pages.forms import Form, form_token, new_anchor, read_form
from app.web.pages.page_visitor import PageVisitor
from app.web.pages.wording import language_for

SESSION, ANCHOR, LANGUAGE, PLACE = (
    "afterglow-session",
    "afterglow-anchor",
    "afterglow-language",
    "afterglow-country",
)
# The cookie outlives the session: a token that has ended still says whose safety statement it was.
SESSION_COOKIE_LASTS: Final = timedelta(days=400)
_PREFERENCE_LASTS: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor(PageVisitor[PatientCaller]):
    """One browser of a patient's with one request.

    Attributes:
        switched_to: the language that the person chose just now, or an empty text.
        country: where whoever signed in here last is, for crisis help; None where nobody did.
        new_country: whether the browser has yet to be given it.
        is_on_tablet: the browser is the clinic's, and shows one form.
    """

    language: str
    switched_to: str
    country: str | None
    new_country: bool
    is_on_tablet: bool = False

    @property
    def crisis(self) -> CrisisHelp:
        """The help that stands on every page."""
        if self.caller is None:
            # A browser's language says nothing of where it is; who signed in here last does.
            return crisis_help(self.language, country=self.country)
        return help_for_caller(self.caller, language=self.language)

    @property
    def time_zone(self) -> str:
        """The patient's zone; while nobody is signed in, that of the world's clocks."""
        return self.caller.time_zone if self.caller else "UTC"

    def now(self) -> datetime:
        """Give the present moment as the patient's clinic lives it; while nobody is signed in, the real one."""
        return self.context.now(self.caller.clinic_id if self.caller else None)

    def keep_cookies(self, response: Response) -> None:
        """Let the browser keep what it was given with this page."""
        cookies = Cookies(self.context.public_url)
        if self.new_anchor:
            cookies.write(response, ANCHOR, self.anchor, lasts=None)
        if self.new_country:
            cookies.write(response, PLACE, self.country or "", lasts=_PREFERENCE_LASTS)
        if self.switched_to:
            cookies.write(response, LANGUAGE, self.switched_to, lasts=_PREFERENCE_LASTS)


async def visitor(request: Request, context: ContextNeeded) -> AsyncIterator[Visitor]:
    """Look who comes; a session that does not work is no session, never an error."""
    async with visiting(request, context) as found:
        yield found


@asynccontextmanager
async def visiting(
    request: Request, context: AppContext, *, session: str | None = None
) -> AsyncIterator[Visitor]:
    """Look who comes, and give who is signed in their transaction; it commits at the end of the block.

    ``session``: the one that was opened just now; without it, the browser's cookie.
    """
    session = Cookies(context.public_url).read(request, SESSION) if session is None else session
    caller = None
    if session:
        with suppress(TokenNotValidError):
            caller = await devices.caller_of(context, session)
    found = visitor_without_look_up(request, context, session=session, caller=caller)
    if caller is None:
        yield found
        return
    snapshot = request.method == "GET"
    async with context.work(caller.clinic_id, actor=caller.actor, snapshot=snapshot) as work:
        keep_work(request, work)
        yield replace(found, opened=work)


def visitor_without_look_up(
    request: Request,
    context: AppContext,
    *,
    session: str | None = None,
    caller: PatientCaller | None = None,
) -> Visitor:
    """Take what the browser itself says: enough for a page while the database is away."""
    cookies = Cookies(context.public_url)
    session = cookies.read(request, SESSION) if session is None else session
    anchor = cookies.read(request, ANCHOR)
    asked = request.query_params.get("lang", "")
    switched_to = asked if asked in LANGUAGES else ""
    language = language_for(
        LANGUAGES,
        chosen=switched_to or cookies.read(request, LANGUAGE),
        locale=caller.locale if caller else None,
        accepted=request.headers.get("accept-language", ""),
    )
    made = anchor or new_anchor()
    kept = cookies.read(request, PLACE)
    country = country_of_caller(caller) if caller else kept if kept in NATIONAL_HELP else None
    return Visitor(
        request=request,
        context=context,
        caller=caller,
        session=session,
        anchor=made,
        language=language,
        switched_to=switched_to,
        new_anchor=not anchor,
        country=country,
        new_country=caller is not None and (country or "") != kept,
        token=form_token(context.vault, session if caller else made),
    )


async def signed_in_visitor(found: Annotated[Visitor, Depends(visitor, scope="function")]) -> Visitor:
    """Let signed-in patients through.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    found.signed_in  # noqa: B018 - asked for its error
    return found


async def read_own_form(visitor: Visitor) -> Form:
    """Read a form that was made for this browser.

    Raises:
        FormExpiredError: it was made for another.
    """
    form = await read_form(visitor.request)
    visitor.refuse_forged(form)
    return form


# A test walks every route and reads here who may.
signed_in_visitor.afterglow_access = "the patient's own browser"  # type: ignore[attr-defined] # functions take attributes

AnyVisitor = Annotated[Visitor, Depends(visitor, scope="function")]
SignedInVisitor = Annotated[Visitor, Depends(signed_in_visitor, scope="function")]
