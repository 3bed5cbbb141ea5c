"""Every failure under ``/fhir`` as an OperationOutcome: what is wrong and where, never the value itself."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.foundation.errors import RefusalError, RefusalKind
from app.interop.fhir.codes import Json
from app.interop.fhir.refusals import (
    ContentTypeNotReadError,
    FhirRefusalError,
    FormatNotServedError,
    InteractionNotOfferedError,
    OurFaultError,
)
from app.storage.engine.health import database_is_away
from app.web.pages.page_route import log_unforeseen
from app.web.problems import STATUS, DatabaseAwayError

MEDIA_TYPE: Final = "application/fhir+json"
_JSON: Final = frozenset({"json", MEDIA_TYPE, "application/json", "text/json"})
_ANY: Final = frozenset({"*/*", "application/*", ""})
_LINES: Final = {"application/fhir+ndjson", "application/ndjson"}
_CODES: Final[Mapping[RefusalKind, str]] = {
    RefusalKind.INVALID: "invalid",
    RefusalKind.UNAUTHENTICATED: "login",
    RefusalKind.FORBIDDEN: "forbidden",
    RefusalKind.NOT_FOUND: "not-found",
    RefusalKind.CONFLICT: "conflict",
    RefusalKind.GONE: "deleted",
    RefusalKind.TOO_LARGE: "too-long",
    RefusalKind.TOO_SLOW: "timeout",
    RefusalKind.NOT_SUPPORTED: "not-supported",
    RefusalKind.NOT_ACCEPTABLE: "not-supported",
    RefusalKind.TOO_MANY: "throttled",
    RefusalKind.PRECONDITION_MISSING: "required",
    RefusalKind.PRECONDITION_FAILED: "conflict",
    RefusalKind.UNAVAILABLE: "transient",
}


class FhirResponse(JSONResponse):
    """A resource as an answer."""

    media_type = f"{MEDIA_TYPE}; charset=utf-8"


class FhirRoute(APIRoute):
    """Answers every failure with an OperationOutcome, and asks first whether JSON is wanted."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap FastAPI's own handler."""
        handle = super().get_route_handler()

        async def handle_with_outcomes(request: Request) -> Response:
            try:
                refuse_other_formats(request)
                # A separate stack: the request's work must see the failure, and undo, before it is answered.
                async with AsyncExitStack() as function_stack:
                    request.scope["fastapi_function_astack"] = function_stack
                    return await handle(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets an OperationOutcome
                log_unforeseen(request, error)
                return outcome_response(_refusal_in(error))

        return handle_with_outcomes


def refuse_other_formats(request: Request) -> None:
    """Refuse a request for anything but JSON, and a body that is not JSON.

    Raises:
        FormatNotServedError: XML or Turtle is asked for.
        ContentTypeNotReadError: the body is something else.
    """
    wanted = request.query_params.get("_format")
    if wanted is not None and _media_type(wanted.replace(" ", "+")) not in _JSON:
        raise FormatNotServedError("http._format")
    accepted = {_media_type(one) for one in request.headers.get("accept", "").split(",")}
    # The files of an export are lines of JSON, and asked for as such.
    lines = _LINES if request.url.path.startswith("/fhir/$export-file/") else set()
    if wanted is None and accepted.isdisjoint(_JSON | _ANY | lines):
        raise FormatNotServedError("http.accept")
    sent = _media_type(request.headers.get("content-type", ""))
    has_body = request.headers.get("content-length", "0") != "0"
    # A token is asked for as OAuth asks, by a form.
    reads = _JSON | ({"application/x-www-form-urlencoded"} if request.url.path == "/fhir/token" else set())
    if request.method in {"POST", "PUT", "PATCH"} and has_body and sent not in reads:
        raise ContentTypeNotReadError("http.content-type")


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def outcome_response(error: RefusalError) -> Response:
    """Answer with a refusal."""
    headers = {}
    if error.kind is RefusalKind.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        headers["retry-after"] = str(error.retry_after_seconds)
    return FhirResponse(outcome_of(error), STATUS[error.kind], headers)


def outcome_of(error: RefusalError) -> Json:
    """Say a refusal as an OperationOutcome: one issue for each thing that is wrong."""
    found = list(error.findings) or [
        {"pointer": error.pointer, "code": error.code, "detail": error.message()}
    ]
    return {"resourceType": "OperationOutcome", "issue": [_issue(error, one) for one in found]}


def _issue(error: RefusalError, one: Mapping[str, Any]) -> Json:
    pointer = one.get("pointer")
    own = error.issue if isinstance(error, FhirRefusalError) else _CODES[error.kind]
    issue: Json = {
        "severity": "error",
        "code": one.get("issue", own),
        "details": {
            "coding": [{"system": "urn:afterglow:problem", "code": error.code}],
            "text": str(one["detail"]),
        },
    }
    if error.extensions:
        issue["diagnostics"] = "; ".join(
            f"{name}: {value if isinstance(value, str) else ', '.join(value)}"
            for name, value in error.extensions.items()
        )
    if pointer is None:
        return issue
    # What is in the body has a FHIRPath; a parameter or a header has its name.
    named = "location" if str(pointer).startswith("http.") else "expression"
    return {**issue, named: [str(pointer)]}


def _refusal_in(error: Exception) -> RefusalError:
    if isinstance(error, RefusalError):
        return error
    if isinstance(error.__cause__, RefusalError):
        return error.__cause__
    if isinstance(error, HTTPException | RequestValidationError):
        return InteractionNotOfferedError()
    return DatabaseAwayError() if database_is_away(error) else OurFaultError()
