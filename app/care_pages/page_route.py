"""A route whose failures are pages too: a plain sentence, and the way back to the worklist."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from app.care_pages.rendering import render
from app.care_pages.visitor import StaffNotSignedInError, visitor_without_look_up
from app.clinics.caller import RoleMayNotError
from app.foundation.errors import RefusalError, RefusalKind
from app.web.equipment import Equipment
from app.web.pages.failures import log_unforeseen, status_of

SIGN_IN: Final = "/care/sign-in"
_TITLES: Final[Mapping[RefusalKind, str]] = {
    RefusalKind.NOT_FOUND: "There is nothing here",
    RefusalKind.FORBIDDEN: "This is not for you to do",
    RefusalKind.TOO_MANY: "Please wait a little",
    RefusalKind.CONFLICT: "Somebody was faster",
}
_NOT_FOUND: Final = "This page, or what it was about, is not there. It may have been erased."
_AWAY: Final = (
    "Nothing was changed. Please try once more in a minute; tell whoever runs Afterglow if it stays so."
)


class CarePageRoute(APIRoute):
    """Answers every failure with a page."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap FastAPI's own handler."""
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                return await handle(request)
            except StaffNotSignedInError:
                back = request.url.path if request.method == "GET" else "/care/"
                return RedirectResponse(f"{SIGN_IN}?next={quote(back, safe='/')}", 303)
            except Exception as error:  # noqa: BLE001 - whatever it is, the person gets a page
                log_unforeseen(request, error)
                return failure_page(request, request.app.state.equipment, error)

        return handle_with_pages


def failure_page(request: Request, equipment: Equipment, error: Exception) -> Response:
    """Make the page for a failure, without asking the database anything."""
    visitor = visitor_without_look_up(request, equipment)
    title, sentence = _words_for(error)
    answer = render(
        equipment,
        visitor,
        "message.html",
        here="",
        status=status_of(error),
        title=title,
        sentence=sentence,
        openable=error.openable if isinstance(error, RoleMayNotError) else None,
    )
    if isinstance(error, RefusalError) and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


def _words_for(error: Exception) -> tuple[str, str]:
    if isinstance(error, RefusalError) and error.kind is not RefusalKind.NOT_FOUND:
        return _TITLES.get(error.kind, "This could not be done"), str(error)
    if isinstance(error, RefusalError | HTTPException | RequestValidationError):
        return _TITLES[RefusalKind.NOT_FOUND], _NOT_FOUND
    return "Something is wrong on our side", _AWAY
