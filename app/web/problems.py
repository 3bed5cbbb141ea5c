"""Errors as RFC 9457 problem documents: what is wrong, where, and how to fix it; never the value itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from string import Formatter
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.logs import where
from app.foundation.translations import Words
from app.storage.engine.health import database_is_away

# Pydantic's own sentences may quote the input; these name only the rule that was broken.
REASONS: Final[Mapping[str, str]] = {
    "missing": "This field is required.",
    "extra_forbidden": "This field is not known here.",
    "greater_than_equal": "The value is below the least allowed, {ge}.",
    "greater_than": "The value must be above {gt}.",
    "less_than_equal": "The value is above the most allowed, {le}.",
    "less_than": "The value must be below {lt}.",
    "multiple_of": "The value must be a multiple of {multiple_of}.",
    "string_too_long": "The text is longer than {max_length} characters.",
    "string_too_short": "The text is shorter than {min_length} characters.",
    "too_long": "There are more than {max_length} items.",
    "too_short": "There are fewer than {min_length} items.",
    "int_type": "A whole number is expected.",
    "int_from_float": "A whole number is expected.",
    "int_parsing": "A whole number is expected.",
    "float_type": "A number is expected.",
    "float_parsing": "A number is expected.",
    "finite_number": "A finite number is expected.",
    "bool_type": "true or false is expected.",
    "bool_parsing": "true or false is expected.",
    "string_type": "A text is expected.",
    "list_type": "A list is expected.",
    "dict_type": "An object is expected.",
    "model_type": "An object is expected.",
    "model_attributes_type": "An object is expected.",
    "uuid_type": "A UUID is expected.",
    "uuid_parsing": "A UUID is expected.",
    "uuid_version": "A UUID of version {expected_version} is expected.",
    "timezone_aware": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_type": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_parsing": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_from_date_parsing": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "date_type": "A date is expected, such as 2026-11-03.",
    "date_parsing": "A date is expected, such as 2026-11-03.",
    "date_from_datetime_parsing": "A date is expected, such as 2026-11-03.",
    "enum": "The value is not one of those allowed: {expected}.",
    "literal_error": "The value is not one of those allowed: {expected}.",
    "json_invalid": "The body is not valid JSON.",
}
OTHERWISE: Final = "The value is not valid here."


MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[RefusalKind, int]] = {
    RefusalKind.INVALID: 422,
    RefusalKind.UNAUTHENTICATED: 401,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.CONFLICT: 409,
    RefusalKind.GONE: 410,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.TOO_SLOW: 408,
    RefusalKind.NOT_SUPPORTED: 415,
    RefusalKind.NOT_ACCEPTABLE: 406,
    RefusalKind.TOO_MANY: 429,
    RefusalKind.PRECONDITION_MISSING: 428,
    RefusalKind.PRECONDITION_FAILED: 412,
    RefusalKind.UNAVAILABLE: 503,
}

# Set on an unforeseen error once its 500 was made, so that nobody logs its text.
ANSWERED: Final = "afterglow_answered"
# More than anybody reads; an answer must not outgrow its question.
_MOST_ERRORS: Final = 100
_RETRY_AFTER_SECONDS: Final = 5
# What the framework refuses by itself.
UNROUTED: Final[Mapping[int, tuple[str, str]]] = {
    400: ("body-not-readable", "The body cannot be read as JSON in UTF-8."),
    404: ("not-found", "There is no such operation."),
    405: ("method-not-allowed", "There is no such operation."),
}
INTERNAL_ERROR: Final = (
    "internal-error",
    "Something went wrong on our side; what was acknowledged before is kept. Please send it again.",
)


class DatabaseAwayError(RefusalError):
    """The service cannot store anything just now; what was acknowledged before is kept. Please send it again."""

    kind = RefusalKind.UNAVAILABLE
    code = "database-away"


class InvalidRequestError(RefusalError):
    """The request is not as this operation expects it; see errors."""

    code = "invalid-request"


class MediaTypeNotSupportedError(RefusalError):
    """This operation reads JSON; please send it with Content-Type: application/json."""

    kind = RefusalKind.NOT_SUPPORTED
    code = "media-type-not-supported"


class ProblemError(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(extra="allow")

    pointer: str = Field(
        description="JSON pointer into the body, or the parameter's place", examples=["#/mood"]
    )
    code: str
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457). ``type`` is stable; ``detail`` is for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/invalid-request"])
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[ProblemError] = []


def type_of(code: str) -> str:
    """Give a problem's ``type``: the same in every installation, and a page of each (`pages/front`)."""
    return f"/problems/{code}"


def problem_document(
    code: str,
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    request_id: str | None = None,
) -> dict[str, Any]:
    """Make the document's fields."""
    return {
        "type": type_of(code),
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "request_id": request_id,
        "errors": list(errors),
    }


def refusal_document(error: RefusalError, *, request_id: str | None = None) -> dict[str, Any]:
    """Say a refusal as a problem document."""
    detail = error.message()
    errors: list[Mapping[str, Any]] = list(error.findings)
    if error.pointer:
        errors.append({"pointer": error.pointer, "code": error.code, "detail": detail})
    document = problem_document(error.code, STATUS[error.kind], detail, errors=errors, request_id=request_id)
    return document | error.extensions


def validation_errors(errors: Iterable[Mapping[str, Any]], *, skip: int = 1) -> list[dict[str, Any]]:
    """Say Pydantic's findings as pointer, code and reason; ``skip`` leading parts of the place are not said."""
    return [
        {"pointer": _pointer(_place(error), skip), "code": _code(error), "detail": _reason(error)}
        for error in islice(errors, _MOST_ERRORS)
    ]


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of this app leave as a problem document."""
    app.add_exception_handler(RefusalError, answer_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, answer_bug)


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Say a refusal."""
    if not isinstance(error, RefusalError):
        raise error
    headers = {}
    if error.kind is RefusalKind.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        headers["retry-after"] = str(error.retry_after_seconds)
    return _answer(refusal_document(error, request_id=_request_id(request)), headers)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    refusal: RefusalError = InvalidRequestError().finding(validation_errors(error.errors()))
    if not _says_json(request) and any(one["loc"][:1] == ("body",) for one in error.errors()):
        refusal = MediaTypeNotSupportedError()
    return _answer(refusal_document(refusal, request_id=_request_id(request)))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    # The framework wraps whatever goes wrong while a body is read, our own refusals too.
    if isinstance(error.__cause__, RefusalError):
        return await answer_refusal(request, error.__cause__)
    code, detail = UNROUTED.get(error.status_code, ("http-error", "This request cannot be answered."))
    document = problem_document(code, error.status_code, detail, request_id=_request_id(request))
    return _answer(document, dict(error.headers or {}))


async def answer_bug(request: Request, error: Exception) -> JSONResponse:
    """Say that something went wrong on our side, and log what and where; whoever caught the error raises it again."""
    structlog.get_logger().error(
        "request.failed",
        request_id=_request_id(request),
        error_type=type(error).__name__,
        error_at=where(error),
    )
    setattr(error, ANSWERED, True)
    if database_is_away(error):
        document = refusal_document(DatabaseAwayError(), request_id=_request_id(request))
        return _answer(document, {"retry-after": str(_RETRY_AFTER_SECONDS)})
    code, detail = INTERNAL_ERROR
    document = problem_document(code, 500, detail, request_id=_request_id(request))
    return _answer(document)


def _answer(document: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, document["status"], headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _says_json(request: Request) -> bool:
    """Say whether a request's body is JSON by its own word; what has no body need not say so."""
    if request.headers.get("content-length") == "0" or not (
        {"content-length", "transfer-encoding"} & set(request.headers)
    ):
        return True
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def _request_id(request: Request) -> str | None:
    return request.scope.get("request_id")


def _place(error: Mapping[str, Any]) -> Sequence[Any]:
    # Where JSON breaks off is said as a count of characters, which is no place in a document.
    return ("body",) if error["type"] == "json_invalid" else error["loc"]


def _pointer(place: Sequence[Any], skip: int) -> str:
    kept = [str(part)[:64].replace("~", "~0").replace("/", "~1") for part in place[skip:]]
    if skip and place and place[0] != "body":
        return "/".join([str(place[0]), *kept])
    return "#/" + "/".join(kept) if kept else "#"


def _code(error: Mapping[str, Any]) -> str:
    cause = (error.get("ctx") or {}).get("error")
    return cause.code if isinstance(cause, RefusalError) else str(error["type"])


def _reason(error: Mapping[str, Any]) -> Words:
    cause = (error.get("ctx") or {}).get("error")
    if isinstance(cause, RefusalError):
        return cause.message()
    template, facts = REASONS.get(str(error["type"]), OTHERWISE), error.get("ctx") or {}
    if facts.get("min_length") == 1:
        template = REASONS["missing"]
    places = {name for _, name, _, _ in Formatter().parse(template) if name}
    if not places <= facts.keys():
        return Words(OTHERWISE)
    return Words(template, **{name: _plain(facts[name]) for name in places})


def _plain(fact: object) -> object:
    if isinstance(fact, float) and fact.is_integer():
        return int(fact)
    return fact if isinstance(fact, int | float) else str(fact)


# What only commands meet is no answer to a request.
_COMMAND_LINE = "app.cli."


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProblem:
    """One kind of problem, as ``type`` names it."""

    code: str
    status: int
    detail: str

    @property
    def path(self) -> str:
        """Where it is explained: the problem's ``type``."""
        return type_of(self.code)


def known_problems() -> list[KnownProblem]:
    """List every problem by its code; whatever was imported counts, so import ``app.asgi`` before."""
    found = {
        kind.code: KnownProblem(code=kind.code, status=STATUS[kind.kind], detail=kind.message())
        for kind in _refusals(RefusalError)
    }
    for status, (code, detail) in UNROUTED.items():
        found.setdefault(code, KnownProblem(code=code, status=status, detail=detail))
    code, detail = INTERNAL_ERROR
    found[code] = KnownProblem(code=code, status=500, detail=detail)
    return [found[code] for code in sorted(found)]


def field_codes() -> dict[str, str]:
    """Give the codes of single fields (``errors[].code``) that say how a value is malformed, with their sentence."""
    return dict(sorted(REASONS.items()))


def _refusals(kind: type[RefusalError]) -> Iterator[type[RefusalError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("app.") and not one.__module__.startswith(_COMMAND_LINE):
            yield one
        yield from _refusals(one)
