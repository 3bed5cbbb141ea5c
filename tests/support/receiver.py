"""A real webhook receiver: verifies every signature with the reference library, and remembers what came."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one request is answered: a status (None: we hang up instead), headers, and after how long."""

    status: int | None = 204
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0


@dataclass
class Received:
    """One request that was answered; ``sent_at`` is its own Unix time, ``status`` 0 where we hung up."""

    webhook_id: str
    event: dict[str, Any]
    verified: bool
    status: int
    raw: bytes
    at: float
    path: str
    sent_at: int
    said: Said

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])


@dataclass
class Receiver:
    """What came, in order; ``answer`` decides the status by the count of requests so far.

    ``answer_path``, where given, decides by the path instead; ``answer_headers`` go with every answer,
    ``pause`` (seconds) between taking it in and answering. ``script``, where given, decides all of it by path and
    the request's own time, and ``secrets`` holds a secret for each path.
    """

    url: str
    secret: str | None = None
    answer: Callable[[int], int] = lambda _count: 204
    answer_path: Callable[[str], int] | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    pause: Callable[[], float] = lambda: 0
    script: Callable[[str, int], Said] | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def decide(self, path: str, sent_at: int) -> Said:
        """What the next request is answered."""
        if self.script:
            return self.script(path, sent_at)
        status = self.answer_path(path) if self.answer_path else self.answer(len(self.requests))
        return Said(status=status, headers=self.answer_headers)

    def accepted(self, event_type: str | None = None) -> list[Received]:
        """What was answered with 2xx."""
        with self.changed:
            return [
                one
                for one in self.requests
                if one.status // 100 == 2 and (event_type is None or one.type == event_type)
            ]

    def wait_for(self, event_type: str, *, count: int = 1, within: float = 60) -> list[Received]:
        """Wait until so many events of a type were accepted."""
        deadline = time.monotonic() + within
        while len(found := self.accepted(event_type)) < count:
            with self.changed:
                if (
                    not self.changed.wait(max(0.0, deadline - time.monotonic()))
                    and time.monotonic() > deadline
                ):
                    raise TimeoutError(f"{len(found)} of {count} {event_type} came")
        return found


class _Server(ThreadingHTTPServer):
    # As many as two workers send at once; beyond it, connecting takes a second.
    request_queue_size = 128


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Receive on a free port of loopback until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            secret = receiver.secrets.get(self.path, receiver.secret)
            verified = secret is None or _signature_is_right(secret, headers, raw)
            # Chats are sent none.
            sent_at = int(headers.get("webhook-timestamp", "0"))
            with receiver.changed:
                said = receiver.decide(self.path, sent_at)
                receiver.requests.append(
                    Received(
                        headers.get("webhook-id", ""),
                        json.loads(raw),
                        verified,
                        said.status or 0,
                        raw,
                        time.monotonic(),
                        self.path,
                        sent_at,
                        said,
                    )
                )
                receiver.changed.notify_all()
            time.sleep(said.after_seconds or receiver.pause())
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may have been killed
                self._say(said)

        def _say(self, said: Said) -> None:
            self.close_connection = True
            if said.status is None:
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(url=f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _signature_is_right(secret: str, headers: dict[str, str], raw: bytes) -> bool:
    # The service may live on another clock than this machine: only the signature counts here.
    sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(headers["webhook-id"], sent_at, raw.decode())
    return expected in headers["webhook-signature"].split(" ")
