"""The care team's pages as routes: whatever fails is a page too, with the way back to the worklist."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.caller import RoleMayNotError
from app.context import AppContext
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.translations import say
from app.pages.staff.asked_form import sentence_of
from app.pages.staff.rendering import FILES, render
from app.pages.staff.sign_in_form import (
    SIGN_IN,
    START,
    KeptForm,
    Onward,
    keep_form,
    kept_page,
    sign_in_form,
    without_secrets,
)
from app.pages.staff.visitor import visitor_without_look_up
from app.web.pages.forms import Form, FormExpiredError
from app.web.pages.page_route import PageRoute, failure_of

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "foreign": (
        say("This form came from elsewhere"),
        say("Please open the page itself and send it from there."),
    ),
    "again": (say("This could not be done"), say("Please look at what you sent, and try once more.")),
    "not_found": (
        say("There is nothing here"),
        say("This page, or what it was about, is not there. It may have been erased."),
    ),
    "busy": (say("Please wait a little"), say("There were too many requests from here at once.")),
    "too_large": (say("This is too large"), say("Please send less at once.")),
    "away": (
        say("Something is wrong on our side"),
        say(
            "Nothing was changed. Please try again in a minute; notify whoever runs Afterglow if it stays so."
        ),
    ),
}
# Of these the refusal itself says best what is wrong: who reads it is staff, and it holds no value.
_SAID_BY_ITSELF: Final[Mapping[RefusalKind, str]] = {
    RefusalKind.FORBIDDEN: say("This is not for you to do"),
    RefusalKind.CONFLICT: say("Someone else changed this"),
    RefusalKind.PRECONDITION_FAILED: say("Someone else changed this"),
}


class CarePageRoute(PageRoute):
    """A route of these pages."""

    sign_in: ClassVar[str] = SIGN_IN

    async def lead_to_sign_in(self, request: Request) -> Response:
        """Lead to where one signs in, and back to this page afterwards; a form goes along with what was typed."""
        context: AppContext = request.app.state.context
        if request.method == "GET":
            answer = RedirectResponse(f"{self.sign_in}?next={quote(request.url.path, safe='/')}", 303)
            # Who switched the language after the session had ended signs in in that language.
            visitor_without_look_up(request, context).keep_cookies(answer)
            return answer
        if draft := await keep_form(request, context):
            visitor = visitor_without_look_up(request, context)
            return sign_in_form(visitor, Onward(draft=draft), status=401)
        return RedirectResponse(f"{self.sign_in}?next={quote(START, safe='/')}", 303)

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show what was typed: to be sent once more from a tab that is stale, else to be copied."""
        context: AppContext = request.app.state.context
        kept = KeptForm(path=request.url.path, fields=without_secrets(form))
        if isinstance(error, FormExpiredError):
            visitor = visitor_without_look_up(request, context)
            return kept_page(
                visitor,
                kept,
                title=say("This page was open for a long time"),
                sentence=say("You signed in again in the meantime. What you wrote is not saved yet."),
                status=403,
            )
        return failure_page(request, context, error, written=kept.written)

    def failure_page(self, request: Request, error: Exception) -> Response:
        """Say in plain words what is wrong."""
        return failure_page(request, request.app.state.context, error)


def failure_page(
    request: Request, context: AppContext, error: Exception, *, written: Sequence[tuple[str, str]] = ()
) -> Response:
    """Make the page for a failure, without asking the database anything."""
    visitor, failure = visitor_without_look_up(request, context), failure_of(error)
    title, sentence = _WORDS[failure.words]
    if failure.words == "again" and isinstance(error, RefusalError):
        title, sentence = _SAID_BY_ITSELF.get(error.kind, title), sentence_of(error)
    answer = render(
        visitor,
        "message.html",
        here="",
        status=failure.status,
        title=title,
        sentence=sentence,
        written=written,
        openable=error.openable if isinstance(error, RoleMayNotError) else None,
    )
    answer.headers.update(failure.headers)
    return answer


router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
# After all other routes of these pages: whatever is left over.
rest_router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/static/{name}")
async def care_file(name: str) -> Response:
    """Give a file; its name says its content."""
    return FILES.answer(name)


@rest_router.api_route("/{path:path}", methods=["GET", "POST"])
async def no_such_care_page() -> Response:
    """Say that there is no such page."""
    raise NotFoundError
