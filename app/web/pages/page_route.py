"""A route whose failures are pages too: a plain sentence, and a form that is never lost."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import ClassVar, Final

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.logs import where
from app.web.pages.forms import ForeignFormError, Form, read_form
from app.web.problems import STATUS

# What to say, by the refusal's code, else by its kind; all else is our own fault.
_WORDS_BY_CODE: Final = {"foreign-form": "foreign", "form-expired": "again"}
_WORDS_BY_KIND: Final[Mapping[RefusalKind, str]] = {
    RefusalKind.NOT_FOUND: "not_found",
    RefusalKind.TOO_MANY: "busy",
    RefusalKind.TOO_LARGE: "too_large",
    RefusalKind.UNAVAILABLE: "away",
}


class NotSignedInError(RefusalError):
    """This page is for those who are signed in; please sign in."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "not-signed-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a page says of an error.

    Attributes:
        words: the name of the sentence, in each room's own words, and with ``_title`` of what stands above it:
            foreign, again, not_found, busy, too_large or away.
    """

    words: str
    status: int
    headers: Mapping[str, str]


class PageRoute(APIRoute):
    """Answers every failure with a page of its room. Who is not signed in is led to ``sign_in``."""

    sign_in: ClassVar[str]

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap FastAPI's own handler."""
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                # A separate stack: the request's work must see the failure, and undo, before it becomes a page.
                async with AsyncExitStack() as function_stack:
                    request.scope["fastapi_function_astack"] = function_stack
                    return await handle(request)
            except NotSignedInError:
                return await self.lead_to_sign_in(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the person gets a page
                return await self._on_failure(request, error)

        return handle_with_pages

    async def lead_to_sign_in(self, request: Request) -> Response:  # noqa: ARG002 - a room may lead back to where one was
        """Lead to where one signs in."""
        return RedirectResponse(self.sign_in, 303)

    async def _on_failure(self, request: Request, error: Exception) -> Response:
        log_unforeseen(request, error)
        form: Form | None = getattr(request.state, "form", None)
        if form is None or isinstance(error, ForeignFormError):
            return self.failure_page(request, error)
        return await self.form_again(request, form, error)

    def failure_page(self, request: Request, error: Exception) -> Response:
        """Say in plain words what is wrong, without asking the database anything."""
        raise NotImplementedError

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        """Show a form again that was read by ``read_form_to_keep``, with all that was filled in."""
        raise NotImplementedError


async def read_form_to_keep(request: Request) -> Form:
    """Read a form that must not be lost: whatever fails from here on, its route shows it again."""
    form = await read_form(request)
    request.state.form = form
    return form


def failure_of(error: Exception) -> Failure:
    """Give what a page says of an error."""
    headers = {}
    if isinstance(error, RefusalError) and error.retry_after_seconds is not None:
        headers["retry-after"] = str(error.retry_after_seconds)
    return Failure(words=_words_for(error), status=status_of(error), headers=headers)


def status_of(error: Exception) -> int:
    """Give the status to answer with."""
    if isinstance(error, RefusalError):
        return STATUS[error.kind]
    return 404 if isinstance(error, HTTPException | RequestValidationError) else 503


def _words_for(error: Exception) -> str:
    if isinstance(error, RefusalError):
        return _WORDS_BY_CODE.get(error.code) or _WORDS_BY_KIND.get(error.kind, "again")
    return "not_found" if isinstance(error, HTTPException | RequestValidationError) else "away"


def log_unforeseen(request: Request, error: Exception) -> None:
    """Log what is our own fault, by its name and place only."""
    if isinstance(error, RefusalError | HTTPException | RequestValidationError):
        return
    structlog.get_logger().error(
        "page.failed",
        request_id=request.scope.get("request_id"),
        error_type=type(error).__name__,
        error_at=where(error),
    )
