"""A browser that subscribed, and its push service: takes pushes, opens them as the browser would."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

AUTH = bytes(range(16))


@dataclass
class Pushed:
    """One push that came: its headers, what the browser shows, whether the proof of its sender is right."""

    headers: dict[str, str]
    raw: bytes
    shown: dict[str, Any]
    proven: bool
    claims: dict[str, Any]


@dataclass
class PushService:
    """What came, in order; ``status`` is what it answers."""

    url: str
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    pushes: list[Pushed] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def subscription(self) -> dict[str, Any]:
        """What the browser gives to a site that it subscribed to."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.url,
            "p256dh": _base64url(point),
            "auth": _base64url(AUTH),
        }

    def take(self, headers: dict[str, str], raw: bytes) -> None:
        """Open a push as the browser does."""
        content = http_ece.decrypt(raw, private_key=self.key, auth_secret=AUTH, version="aes128gcm")
        proof = headers["authorization"]
        claims = proof.split("t=")[1].split(".")[1]
        self.pushes.append(
            Pushed(
                headers=headers,
                raw=raw,
                shown=json.loads(content),
                proven=Vapid02.verify(proof),
                claims=json.loads(base64.urlsafe_b64decode(claims + "==")),
            )
        )


@contextmanager
def running_push_service() -> Iterator[PushService]:
    """Take pushes on a free port of loopback until the end of the block."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            service.take({name.lower(): value for name, value in self.headers.items()}, raw)
            self.send_response(service.status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    service = PushService(url=f"http://127.0.0.1:{server.server_address[1]}/p/a-browser")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
