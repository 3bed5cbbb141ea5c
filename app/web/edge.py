"""What surrounds every request: its id, limits of size and number, security headers, one log line, one metric."""

import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.networks import network_of
from app.foundation.tokens import TokenKind, TokenNotValidError, read_token
from app.foundation.tracing import note, span
from app.storage.engine.connection_budget import SPENDER, Spender
from app.web.problems import ANSWERED, MEDIA_TYPE, refusal_document

# Many phones share an address (a clinic's network, a provider's gateway), so that it may do as much as ten callers.
_CALLERS_AN_ADDRESS: Final = 10
_WINDOW_SECONDS: Final = 60.0


class RequestLimits:
    """A fixed window of one minute, the same for all: so many requests of a caller in it, and more of an address.

    Counted in this process, it protects the service from a client gone wild. What must hold across processes
    (guessing of codes) is counted in the database instead; see ``patients/enrolment.py``.

    One count a caller, whose cost does not grow with how many there are, and which all go together.
    """

    def __init__(self, per_minute: int) -> None:
        self._of_caller = per_minute
        self._of_address = per_minute * _CALLERS_AN_ADDRESS
        # By a number of 64 bits each, which says nothing of the token: Python's own, keyed once a process.
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._ends_at = 0.0

    def seconds_to_wait(self, *, address: str, token: str | None) -> int | None:
        """Count one request; None if it may pass, else the seconds until it may.

        The token is as it came, and may be made up: the address is counted first, so that a new token for
        each request gets nobody further, and can fill no more memory than the address's own limit lets in.
        """
        now = time.monotonic()
        if now >= self._ends_at:
            self._counts.clear()
            self._ends_at = now + _WINDOW_SECONDS
        household = network_of(address)
        caller = ("token", token) if token else ("caller", household)
        if self._count(("address", household)) <= self._of_address and self._count(caller) <= self._of_caller:
            return None
        return max(1, math.ceil(self._ends_at - now))

    def _count(self, counted: tuple[str, str]) -> int:
        key = hash(counted)
        self._counts[key] += 1
        return self._counts[key]


# A batch of 100 check-ins with the longest notes is below this, even if every character of them is written
# as two escapes (twelve bytes): a patient's words must not be refused for the script they are in.
BODY_LIMIT_BYTES: Final = 5_000_000
REQUEST_SECONDS: Final = Histogram(
    "afterglow_request_seconds", "Time to answer a request", ["method", "route", "status"]
)
_BROWSER_TOKEN: Final = re.compile(rf"{TokenKind.BROWSER}_[0-9a-f]{{32}}_[A-Za-z0-9_-]+")
# An API answer is never a page: nothing in it may load, frame or leak anything.
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class BodyTooLargeError(RefusalError):
    """The body is larger than 5 MB."""

    kind = RefusalKind.TOO_LARGE
    code = "body-too-large"


class EncodingNotSupportedError(RefusalError):
    """Packed bodies are not read here; please send it without Content-Encoding."""

    kind = RefusalKind.NOT_SUPPORTED
    code = "encoding-not-supported"


class TooManyRequestsError(RefusalError):
    """Too many requests; wait a little."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """What is different for pages, which people read.

    Attributes:
        start: the path that they are under.
        body_limit: more than an API takes. A person who pasted too long a note should get the form back with
            everything else on it; ``read_form`` keeps only a little of it in memory.
        refusal: makes a page that says in plain words why the request is not taken.
    """

    start: str
    body_limit: int
    refusal: Callable[[Request, RefusalError], Response]


class Edge:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, *, limits: RequestLimits, pages: Sequence[PageRules]) -> None:
        self._app = app
        self._limits = limits
        self._pages = pages
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = str(new_id())
        scope["request_id"] = request_id
        # For the rest of this request, which has its task to itself.
        SPENDER.set(Spender(patient=_patient_of(scope)))
        status, method = 500, scope["method"]
        if method == "HEAD":
            # Whatever can be got can be asked for without its body, which the server leaves out.
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = message["headers"] = list(message.get("headers", ()))
                names = {name for name, _ in said}
                said += [header for header in _HEADERS if header[0] not in names]
                said.append((b"x-request-id", request_id.encode()))
                read_as_of = getattr(scope.get("state", {}).get("work"), "read_as_of", None)
                if read_as_of is not None:
                    said.append((b"afterglow-as-of", read_as_of.isoformat(timespec="seconds").encode()))
            await send(message)

        # A caller's own trace is not taken up: whoever sends it is not known yet.
        with span("request.answered", kind=SpanKind.SERVER, request_id=request_id) as opened:
            try:
                await self._within_limits(scope, receive, send_with_headers)
            except Exception as error:
                # Answered and logged already (web/problems.py); the server's own log would print a traceback.
                if not getattr(error, ANSWERED, False):
                    raise
            finally:
                route = self._log_request(scope, method, status, time.perf_counter() - started, request_id)
                note(opened, method=method, route=route, status=status)

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        rules = self._rules_for(scope)
        limit = rules.body_limit if rules else BODY_LIMIT_BYTES
        wait = self._limits.seconds_to_wait(address=_address(scope), token=headers.get("authorization"))
        if wait is not None:
            await self._refuse(scope, receive, send, TooManyRequestsError(retry_after_seconds=wait))
            return
        if _too_long(headers.get("content-length"), limit):
            await self._refuse(scope, receive, send, BodyTooLargeError())
            return
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            await self._refuse(scope, receive, send, EncodingNotSupportedError())
            return
        started = False

        async def counted_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, _counted(receive, limit), counted_send)
        except BodyTooLargeError as error:
            if started:
                raise
            await self._refuse(scope, receive, send, error)

    def _rules_for(self, scope: Scope) -> PageRules | None:
        """Give the rules of the pages that this request is for; None: it is for the API."""
        path = str(scope["path"])
        return next((rules for rules in self._pages if path.startswith(rules.start)), None)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: RefusalError) -> None:
        rules = self._rules_for(scope)
        if rules is not None:
            await rules.refusal(Request(scope), error)(scope, receive, send)
        else:
            await _refuse(scope, send, error)

    def _log_request(self, scope: Scope, method: str, status: int, seconds: float, request_id: str) -> str:
        # The route's template, never the path: paths carry ids, and mistyped ones carry anything.
        route: str = getattr(scope.get("route"), "path", "unmatched")
        REQUEST_SECONDS.labels(method, route, str(status)).observe(seconds)
        self._log.info(
            "request.answered",
            request_id=request_id,
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )
        return route


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLargeError
        return message

    return counting


def _too_long(content_length: str | None, limit: int) -> bool:
    # Its digits alone say enough; reading thousands of them as a number is what Python refuses.
    if content_length is None or not content_length.isdigit():
        return False
    digits = content_length.lstrip("0")
    return len(digits) > len(str(limit)) or int(digits or "0") > limit


def _patient_of(scope: Scope) -> bytes | None:
    """Give what names the device that a request says it comes from, whether or not that is true."""
    headers = Headers(scope=scope)
    for text in (headers.get("authorization", "").partition(" ")[2].strip(), _browser_token(headers)):
        try:
            return read_token(
                text, TokenKind.DEVICE_ACCESS, TokenKind.DEVICE_REFRESH, TokenKind.BROWSER
            ).digest
        except TokenNotValidError:
            continue
    return None


def _browser_token(headers: Headers) -> str:
    found = _BROWSER_TOKEN.search(headers.get("cookie", ""))
    return found.group() if found else ""


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"


async def _refuse(scope: Scope, send: Send, error: RefusalError) -> None:
    document = refusal_document(error, request_id=scope["request_id"])
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    await send({"type": "http.response.start", "status": document["status"], "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})
