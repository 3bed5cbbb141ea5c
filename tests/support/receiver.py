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


@dataclass
class Received:
    """One request that was answered."""

    webhook_id: str
    event: dict[str, Any]
    verified: bool
    status: int
    raw: bytes
    at: float
    path: str

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])


@dataclass
class Receiver:
    """What came, in order; ``answer`` decides the status by the count of requests so far.

    ``answer_path``, where given, decides by the path instead; ``answer_headers`` go with every answer,
    ``pause`` (seconds) between taking it in and answering.
    """

    url: str
    secret: str | None = None
    answer: Callable[[int], int] = lambda _count: 204
    answer_path: Callable[[str], int] | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    pause: Callable[[], float] = lambda: 0
    requests: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def accepted(self, event_type: str | None = None) -> list[Received]:
        """What was answered with 2xx."""
        with self.changed:
            return [
                one
                for one in self.requests
                if one.status // 100 == 2 and (event_type is None or one.type == event_type)
            ]

    def wait_for(self, event_type: str, *, count: int = 1, within: float = 20) -> list[Received]:
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


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Receive on a free port of loopback until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            verified = True
            if receiver.secret is not None:
                verified = _signature_is_right(receiver.secret, headers, raw)
            with receiver.changed:
                by_path = receiver.answer_path
                status = by_path(self.path) if by_path else receiver.answer(len(receiver.requests))
                receiver.requests.append(
                    Received(
                        # Chats get none.
                        headers.get("webhook-id", ""),
                        json.loads(raw),
                        verified,
                        status,
                        raw,
                        time.monotonic(),
                        self.path,
                    )
                )
                receiver.changed.notify_all()
            time.sleep(receiver.pause())
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may have been killed
                self._say(status)

        def _say(self, status: int) -> None:
            self.send_response(status)
            for name, value in receiver.answer_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
