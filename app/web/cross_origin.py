"""Browser apps from elsewhere: scripts of an origin that a clinic named may call the patient API for its patients.

A browser asks first, without saying whose device it is: then any clinic's origin will do. The answer to the call
itself can be read only by an origin of the very clinic that it is of. No cookie is ever part of such a call, and
nothing but the patient API answers to it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.foundation.tokens import TokenKind, TokenNotValidError, read_token

ClinicsOf = Callable[[str], Awaitable[frozenset[UUID]]]
Operations = Callable[[], Iterable[tuple[str, str]]]
_ROOM: Final = "/v1/"
_SENT: Final = "authorization, content-type, afterglow-client-time"
_READ: Final = "afterglow-as-of, etag, link, retry-after, x-request-id"
_REMEMBERED_SECONDS: Final = 600
_LOOK_UP_SECONDS: Final = 2.0
_NOT_LOOKED_UP: Final = frozenset({429, 503})
_IN_BRACES: Final = re.compile(r"\\\{[^}]*\\\}")


def answers_for(request: Request, access_token: str) -> None:
    """Note whose clinic an answer is of, where the request itself did not say."""
    request.state.clinic_id = read_token(access_token, TokenKind.DEVICE_ACCESS).clinic_id


class Origins:
    """Which origins may call which operations.

    Args:
        operations: gives the patient API's operations, each as method and path; asked once.
        clinics_of: gives the clinics that named an origin.
    """

    def __init__(self, *, operations: Operations, clinics_of: ClinicsOf) -> None:
        self._operations = operations
        self._clinics_of = clinics_of
        self._log = structlog.get_logger()
        self._paths: dict[str, re.Pattern[str]] | None = None
        # Of origins that clinics named, so that no more than those are kept.
        self._known: dict[str, frozenset[UUID]] = {}

    async def clinics(
        self, origin: str, method: str, path: str, *, as_known: bool = False
    ) -> frozenset[UUID]:
        """Give the clinics that named this origin, for a call of the patient API; else none.

        ``as_known``: as it was when it was looked up last.
        """
        if self._paths is None:
            self._paths = _patterns(self._operations())
        pattern = self._paths.get("GET" if method == "HEAD" else method)
        if pattern is None or pattern.fullmatch(path) is None:
            return frozenset()
        if not as_known:
            try:
                async with asyncio.timeout(_LOOK_UP_SECONDS):
                    found = await self._clinics_of(origin)
            except Exception as error:  # noqa: BLE001 - what a person sends is answered, whoever may read the answer
                self._log.warning("origin.not_looked_up", error_type=type(error).__name__)
            else:
                self._known.pop(origin, None)
                if found:
                    self._known[origin] = found
        return self._known.get(origin, frozenset())


class Preflights:
    """ASGI middleware around the API: answers browsers that ask before they call."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through, or answer it."""
        origin, path = _origin_of(scope), str(scope.get("path", ""))
        asked = Headers(scope=scope).get("access-control-request-method", "") if origin else ""
        if asked and scope["method"] == "OPTIONS" and await self._origins.clinics(origin, asked, path):
            await Response(status_code=204, headers=_permission(origin, asked))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class CrossOrigin:
    """ASGI middleware around everything, the limits and the safety intake too: what they answer is read as well."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through."""
        origin, path = _origin_of(scope), str(scope.get("path", ""))
        if not origin:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Looked up only now: what is said is heard first. Not where too much was asked, nor with no database.
                as_known = message["status"] in _NOT_LOOKED_UP
                clinics = await self._origins.clinics(origin, scope["method"], path, as_known=as_known)
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("origin")
                clinic_id = _clinic_of(scope)
                if clinics and (clinic_id is None or clinic_id in clinics):
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-expose-headers"] = _READ
                    headers["cross-origin-resource-policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _origin_of(scope: Scope) -> str:
    """Give the origin of a call of the API; empty: there is none, or it is for something else."""
    if scope["type"] != "http" or not str(scope["path"]).startswith(_ROOM):
        return ""
    return Headers(scope=scope).get("origin", "")


def _patterns(operations: Iterable[tuple[str, str]]) -> dict[str, re.Pattern[str]]:
    by_method: dict[str, list[str]] = {}
    for method, path in operations:
        by_method.setdefault(method.upper(), []).append(_IN_BRACES.sub("[^/]+", re.escape(path)))
    return {method: re.compile("|".join(paths)) for method, paths in by_method.items()}


def _permission(origin: str, method: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": method,
        "access-control-allow-headers": _SENT,
        "access-control-max-age": str(_REMEMBERED_SECONDS),
        "vary": "origin",
    }


def _clinic_of(scope: Scope) -> UUID | None:
    """Whose clinic an answer is of: as the device's token says, or as the route found; None: nobody's."""
    found: UUID | None = scope.get("state", {}).get("clinic_id")
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if found is not None or scheme.lower() != "bearer":
        return found
    try:
        return read_token(token.strip(), *TokenKind).clinic_id
    except TokenNotValidError:
        return None
