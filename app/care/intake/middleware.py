"""The safety intake in front of routing: whatever is sent wherever, and whatever becomes of it, a disclosure arrives.

It hears what the application reads, and what it leaves unread; the application gets the body untouched, and the
answer keeps its status. Crisis help is put into the answer.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.care.alerts.safety_reports import AT_FRONT_DESK, MADE_NOW, SAID_NOW
from app.care.intake.hearing import NOW, TABLET, Hearing, as_document, made_now, said_in_url
from app.care.intake.reporting import Outcome
from app.care.intake.spool import Spool
from app.context import AppContext
from app.foundation.errors import RefusalError, RefusalKind
from app.web.problems import MEDIA_TYPE, DatabaseAwayError, refusal_document

AT_ONCE: Final = 2


class Turns:
    """Who is being looked at, and who waits, by sender."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, sender: Hashable) -> AsyncIterator[None]:
        """Wait for a turn of this sender's, and keep it until the end of the block."""
        turn, count = self._turns.get(sender, (asyncio.Semaphore(AT_ONCE), 0))
        self._turns[sender] = turn, count + 1
        try:
            async with turn:
                yield
        finally:
            turn, count = self._turns.pop(sender)
            if count > 1:
                self._turns[sender] = turn, count - 1


# How long a body may take: the next piece of it, and all of it. Nobody holds a connection by sending half of one.
NEXT_PIECE_SECONDS: Final = 15.0
WHOLE_BODY_SECONDS: Final = 90.0
# What an answer was given without is read for so long.
_UNREAD_SECONDS: Final = 5.0
# A person who said that they think of harming themselves does not wait for a database longer than this.
_ANSWERED_WITHIN_SECONDS: Final = 8.0
_FAILED: Final = 500
_UNAVAILABLE: Final = 503
_REFUSED: Final = 400


class BodyTooSlowError(RefusalError):
    """The body did not arrive in time; please send it again."""

    kind = RefusalKind.TOO_SLOW
    code = "body-too-slow"


class Intake:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, *, context: AppContext, spool: Spool | None = None) -> None:
        self._app = app
        self._context = context
        self._spool = spool
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through, and hear it if it says anything."""
        if scope["type"] != "http" or not (_has_body(scope) or said_in_url(scope)):
            await self._app(scope, receive, send)
            return
        hearing = Hearing(self._context, scope, self._spool)
        one = _HeardRequest(self._app, hearing, self._turns, scope, receive, send)
        now, made, said = NOW.set(hearing), MADE_NOW.set([]), SAID_NOW.set(hearing.said_as)
        here = AT_FRONT_DESK.set([] if str(scope["path"]).rstrip("/") == TABLET else None)
        try:
            await one.carry_through()
        finally:
            NOW.reset(now)
            MADE_NOW.reset(made)
            SAID_NOW.reset(said)
            AT_FRONT_DESK.reset(here)


class _HeardRequest:
    """One request with a body, on its way in and out."""

    def __init__(
        self, app: ASGIApp, hearing: Hearing, turns: Turns, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._app, self._hearing, self._turns, self._scope = app, hearing, turns, scope
        self._receive, self._send = receive, send
        self._deadline = asyncio.get_running_loop().time() + WHOLE_BODY_SECONDS
        self._unread: deque[Message] = deque()
        self._slow = False
        self._settled = False
        self._task: asyncio.Task[Any] | None = None
        # What answers instead of an application that waits for a database which does not answer.
        self._waiting: asyncio.TimerHandle | None = None
        self._instead: asyncio.Task[None] | None = None
        self._started = self._over = False
        self._outcome: Outcome | None = None
        self._start: Message | None = None
        self._answer = bytearray()

    async def carry_through(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._app(self._scope, self._hear, self._answer_with_help)
        except asyncio.CancelledError:
            if not self._over or self._task is None:
                raise
            self._task.uncancel()
        except Exception:
            # Answered already; whatever became of it since is in the log.
            if not self._over:
                raise
        finally:
            # From here on there is nothing left to cut short.
            self._task = None
            if self._waiting is not None:
                self._waiting.cancel()
            if self._instead is not None:
                await self._instead
            # Given up, broken off, or failed without an answer: it was said all the same.
            await self._settle(_FAILED)

    async def _hear(self) -> Message:
        if self._unread:
            return self._unread.popleft()
        if self._hearing.complete:
            return await self._receive()
        return await self._next(min(NEXT_PIECE_SECONDS, self._deadline - asyncio.get_running_loop().time()))

    async def _next(self, seconds: float) -> Message:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                message = await self._receive()
        except TimeoutError:
            self._slow = True
            raise BodyTooSlowError from None
        self._hearing.take(message)
        if self._hearing.complete and self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(_ANSWERED_WITHIN_SECONDS, self._look)
        return message

    def _look(self) -> None:
        self._instead = asyncio.create_task(self._answer_instead())

    async def _answer_instead(self) -> None:
        """Answer with help when the application has not answered yet; whatever it says after that is too late."""
        if self._started or not await self._hearing.heard() or self._started:
            return
        self._started = self._over = True
        await self._settle(_UNAVAILABLE)
        document = refusal_document(DatabaseAwayError(), request_id=self._scope.get("request_id"))
        body = _with_help(json.dumps(document).encode(), self._outcome)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": _UNAVAILABLE, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
        if self._task is not None:
            self._task.cancel()

    async def _answer_with_help(self, message: Message) -> None:
        if self._over:
            return
        if message["type"] == "http.response.start":
            self._started = True
            await self._read_the_rest()
            await self._settle(message["status"])
            if self._slow:
                MutableHeaders(scope=message)["connection"] = "close"
            if self._outcome is not None and _is_json(message) and self._scope["method"] != "HEAD":
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._answer += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_with_help(self._start)
            return
        await self._send(message)

    async def _send_with_help(self, start: Message) -> None:
        body = _with_help(bytes(self._answer), self._outcome)
        MutableHeaders(scope=start)["content-length"] = str(len(body))
        self._start = None
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def _read_the_rest(self) -> None:
        """Read what the application answered without, within bounds; it finds it again if it still wants it."""
        ends_at = asyncio.get_running_loop().time() + _UNREAD_SECONDS
        while self._hearing.wants_more and not self._slow:
            try:
                message = await self._next(ends_at - asyncio.get_running_loop().time())
            except BodyTooSlowError:
                return
            self._unread.append(message)
            if message["type"] == "http.disconnect":
                return

    async def _settle(self, status: int) -> None:
        """Report what was disclosed, unless the application did, or a schema read all of it and found nothing."""
        if self._settled:
            return
        self._settled = True
        if self._slow or status == _FAILED:
            async with self._turns.of(self._hearing.sender):
                await self._settle_now(status)
        else:
            await self._settle_now(status)

    async def _settle_now(self, status: int) -> None:
        heard = await self._hearing.heard()
        if not heard:
            return
        if made_now():
            if status >= _REFUSED:
                self._outcome = await self._hearing.help_alone()
            return
        if heard.plain and status < _REFUSED and _was_read_by_a_schema(self._scope):
            return
        self._outcome = await self._hearing.report(failed=status >= _FAILED)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0").strip() not in {"", "0"} or "transfer-encoding" in headers


def _was_read_by_a_schema(scope: Scope) -> bool:
    route = scope.get("route")
    return isinstance(route, APIRoute) and route.body_field is not None


def _is_json(message: Message) -> bool:
    content_type = Headers(raw=message.get("headers", [])).get("content-type", "").partition(";")[0].strip()
    return content_type == "application/json" or content_type.endswith("+json")


def _with_help(body: bytes, outcome: Outcome | None) -> bytes:
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body
    if outcome is None or not isinstance(document, dict):
        return body
    return json.dumps(as_document(outcome, document), ensure_ascii=False, separators=(",", ":")).encode()
