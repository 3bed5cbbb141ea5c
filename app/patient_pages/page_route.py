"""A route whose failures are pages too: a plain sentence, and crisis help where it always is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from app.foundation.errors import RefusalError, RefusalKind
from app.patient_pages.rendering import render
from app.patient_pages.visitor import NotSignedInError, visitor_without_look_up
from app.patient_pages.words import say_in
from app.web.equipment import Equipment
from app.web.pages.failures import log_unforeseen, status_of

SIGN_IN: Final = "/p/enrol"
# What to say, by the refusal's code, else by its kind; all else is our own fault.
_WORDS_BY_CODE: Final = {"foreign-form": "foreign", "form-expired": "again"}
_WORDS_BY_KIND: Final[Mapping[RefusalKind, str]] = {
    RefusalKind.NOT_FOUND: "not_found",
    RefusalKind.TOO_MANY: "busy",
    RefusalKind.TOO_LARGE: "too_large",
    RefusalKind.UNAVAILABLE: "away",
}


class PageRoute(APIRoute):
    """Answers every failure with a page in the person's language."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap FastAPI's own handler."""
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                return await handle(request)
            except NotSignedInError:
                return RedirectResponse(SIGN_IN, 303)
            except Exception as error:  # noqa: BLE001 - whatever it is, the person gets a page with help on it
                return await self.on_failure(request, error)

        return handle_with_pages

    async def on_failure(self, request: Request, error: Exception) -> Response:
        """Say in plain words what is wrong."""
        log_unforeseen(request, error)
        return failure_page(request, request.app.state.equipment, error)


def failure_page(request: Request, equipment: Equipment, error: Exception, *, here: str = "/p/") -> Response:
    """Make the page for a failure, without asking the database anything."""
    visitor = visitor_without_look_up(request, equipment)
    say, name = say_in(visitor.language), words_for(error)
    answer = render(
        equipment,
        visitor,
        "message.html",
        here=here,
        status=status_of(error),
        title=say(f"{name}_title"),
        sentence=say(name),
    )
    if isinstance(error, RefusalError) and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


def words_for(error: Exception) -> str:
    """Name the words that say what is wrong."""
    if isinstance(error, RefusalError):
        return _WORDS_BY_CODE.get(error.code) or _WORDS_BY_KIND.get(error.kind, "again")
    return "not_found" if isinstance(error, HTTPException | RequestValidationError) else "away"
