"""A receiver for Afterglow's webhooks, to read and to copy: Python's standard library only.

    AFTERGLOW_WEBHOOK_SECRET=whsec_... python receiver.py --port 8080

Put TLS in front of it. While a secret rotates every message carries two signatures, so one secret is
enough here; to change over without a gap, list both, separated by a blank. It needs Python 3.10 or newer.

What any receiver has to do, in this order:

1. Check the signature over the raw bytes of the body, before parsing them.
2. Check the time, so that a recorded message cannot be played back later.
3. Store what arrived under its ``webhook-id``; the same id again is a repetition, not news.
4. Answer 2xx within 15 seconds. Work that takes longer comes after the answer.
5. Fetch what the ids in the message stand for with your API key: the message itself says no more.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 5 * 60
MOST_BODY_BYTES = 64 * 1024


class NotOurs(Exception):
    """The request does not prove that it comes from Afterglow, and just now."""


def key_of(secret: str) -> bytes:
    """Read a secret as the API shows it: ``whsec_`` and base64, with or without padding."""
    text = secret.removeprefix("whsec_")
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not key:
        raise ValueError("an empty secret verifies everybody")
    return key


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[bytes], now: float) -> str:
    """Give the message's id if one of its signatures is right, or raise ``NotOurs``.

    ``headers`` may be any mapping that ignores case, such as the one of ``http.server``; ``now`` is
    Unix time in seconds.
    """
    webhook_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    if not webhook_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        raise NotOurs
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise NotOurs
    signed = f"{webhook_id}.{timestamp}.".encode("utf-8", "replace") + body
    expected = [b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    # Compared as text, entry by entry: a malformed entry, or one of a later version, is just not equal
    # and does not keep us from the good one beside it. Decoding it first would raise.
    given = (headers.get("webhook-signature") or "").encode("utf-8", "replace").split(b" ")
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise NotOurs
    return webhook_id


class Inbox:
    """Takes each message once. Here in memory; a real one is a table with a unique ``webhook_id``."""

    def __init__(self, take: Callable[[dict], None]) -> None:
        self._take = take
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def accept(self, webhook_id: str, message: dict) -> bool:
        """Take a message unless it was taken before; says whether it was new.

        The id is kept only after the work succeeded, and in the same transaction where there is one: if
        the work fails the answer is 500, and Afterglow sends the message again.
        """
        with self._lock:
            if webhook_id in self._taken:
                return False
            self._take(message)
            self._taken.add(webhook_id)
            return True


class Receiver(BaseHTTPRequestHandler):
    """One request: read, verify, take, answer."""

    timeout = 10
    keys: Sequence[bytes] = ()
    inbox: Inbox

    def do_POST(self) -> None:
        self.close_connection = True
        length = self.headers.get("content-length") or ""
        if not re.fullmatch("[0-9]{1,9}", length):
            return self._answer(HTTPStatus.LENGTH_REQUIRED)
        if int(length) > MOST_BODY_BYTES:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(int(length))
        try:
            webhook_id = verify(body, self.headers, self.keys, time.time())
        except NotOurs:
            return self._answer(HTTPStatus.UNAUTHORIZED)
        try:
            self.inbox.accept(webhook_id, json.loads(body))
        except Exception as error:  # the message is good, so it must come again
            self.log_error("could not take %s: %s", webhook_id, type(error).__name__)
            return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        return self._answer(HTTPStatus.NO_CONTENT)

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def make_server(
    secrets: Sequence[str], take: Callable[[dict], None], *, host: str = "127.0.0.1", port: int = 0
) -> ThreadingHTTPServer:
    """Make a server that hands each verified message to ``take`` once; port 0 picks a free one."""
    if not secrets:
        raise ValueError("a receiver needs a secret")
    bound = {"keys": tuple(map(key_of, secrets)), "inbox": Inbox(take)}
    return ThreadingHTTPServer((host, port), type("BoundReceiver", (Receiver,), bound))


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints each verified Afterglow message once, as JSON.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    secrets = os.environ["AFTERGLOW_WEBHOOK_SECRET"].split()
    server = make_server(
        secrets, lambda message: print(json.dumps(message), flush=True), host=options.host, port=options.port
    )
    print(f"listening on http://{options.host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
