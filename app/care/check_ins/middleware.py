"""A check-in as devices send it, taken past FastAPI, whose layers cost more than judging and evaluating it.

Whatever is not just so goes on to FastAPI, which says what is wrong with it. Edge and safety intake surround both.
"""

import json
import re
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.care.check_ins.routes import put_check_in, router
from app.care.check_ins.schemas import CheckInEntry
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenKind, read_token
from app.web.dependencies import CLIENT_TIME, bearer_token
from app.web.problems import answer_bug, answer_refusal
from app.web.reading import replay_body

_PATH: Final = re.compile(r"/v1/check-ins/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})", re.ASCII)
_ROUTE: Final = next(one for one in router.routes if getattr(one, "endpoint", None) is put_check_in)


class ShortWay:
    """ASGI middleware around the API."""

    def __init__(self, app: ASGIApp, *, context: AppContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through, or take the check-in that it is."""
        found = _PATH.fullmatch(scope["path"]) if scope.get("method") == "PUT" else None
        if found is None or Headers(scope=scope).get("content-type") != "application/json":
            await self._app(scope, receive, send)
            return
        # As FastAPI does, before anything is read: the log, the metrics and the intake ask for it.
        scope["route"] = _ROUTE
        request = Request(scope, receive)
        try:
            entry = _read(sent := await request.body())
        except ClientDisconnect:
            await self._app(scope, receive, send)
            return
        except RefusalError as error:
            response: Response = await answer_refusal(request, error)
        else:
            if entry is None:
                await self._app(scope, replay_body(sent, receive), send)
                return
            response = await self._take(request, UUID(found[1]), entry, send)
        await response(scope, receive, send)

    async def _take(self, request: Request, check_in_id: UUID, entry: CheckInEntry, send: Send) -> Response:
        client_time = request.headers.get(CLIENT_TIME)
        try:
            token = read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)
            return await put_check_in(check_in_id, entry, self._context, token, client_time)
        except RefusalError as error:
            return await answer_refusal(request, error)
        except Exception as error:
            response = await answer_bug(request, error)
            await response(request.scope, request.receive, send)
            raise


def _read(sent: bytes) -> CheckInEntry | None:
    try:
        return CheckInEntry.model_validate(json.loads(sent))
    except (ValueError, RecursionError):
        return None
