"""The demo's webhook receiver: what a clinic's own system does, with the Standard Webhooks library."""

import binascii
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_MOST_BODY_BYTES: Final = 64 * 1024


class EventMissingError(RuntimeError):
    """No verified {event} came to the receiver within {seconds} seconds."""

    def __init__(self, event: str, seconds: float) -> None:
        """Name the event and the time that was waited."""
        super().__init__((self.__doc__ or "").format(event=event, seconds=round(seconds)))


@dataclass(frozen=True, slots=True)
class Arrived:
    """A verified event; ``at`` is a time of ``time.monotonic()``."""

    event: dict[str, Any]
    at: float


class DemoReceiver:
    """Takes only what is signed with its secret, each ``webhook-id`` once, and keeps it in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._webhook: Webhook | None = None
        self._events: dict[str, Arrived] = {}
        self._changed = threading.Condition()

    def trust(self, secret: str) -> None:
        """Take what is signed with this secret from now on."""
        self._webhook = Webhook(secret)

    def take(self, headers: dict[str, str], body: bytes) -> HTTPStatus:
        """Verify one request, and keep its event if it is new; gives the status to answer with."""
        if self._webhook is None:
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            event = self._webhook.verify(body, headers)
        except (WebhookVerificationError, binascii.Error, ValueError):
            # The library raises the latter two for a signature that is not even well-formed.
            return HTTPStatus.UNAUTHORIZED
        with self._changed:
            self._events.setdefault(headers["webhook-id"], Arrived(event, time.monotonic()))
            self._changed.notify_all()
        return HTTPStatus.NO_CONTENT

    def events(self) -> list[Arrived]:
        """Give everything taken so far, in the order of its arrival."""
        with self._changed:
            return list(self._events.values())

    def wait_for(self, event: str, *, patient_id: str | None = None, within: float) -> Arrived:
        """Wait for the first event of a type (about a patient).

        Raises:
            EventMissingError: none came within so many seconds.
        """
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                for one in self._events.values():
                    if one.event["type"] == event and one.event["data"].get("patient_id") == patient_id:
                        return one
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise EventMissingError(event, within)


@contextmanager
def running_receiver() -> Iterator[DemoReceiver]:
    """Receive on a free port of loopback until the end of the block."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length", "0")), _MOST_BODY_BYTES)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(headers, self.rfile.read(length)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep the screen clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    receiver = DemoReceiver(f"http://127.0.0.1:{server.server_address[1]}/webhooks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
