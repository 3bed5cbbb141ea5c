"""A real mail server on loopback: takes mail, remembers it, and misbehaves when it is asked to."""

import asyncio
import email
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.foundation.relays import MailRelay, Tls

SENDER = "afterglow@clinic.example"


@dataclass
class Letter:
    """One mail that was taken."""

    sender: str
    to: str
    raw: bytes
    message: EmailMessage
    over_tls: bool
    user: str | None

    @property
    def body(self) -> str:
        """The text."""
        return str(self.message.get_content())


@dataclass
class MailServer:
    """What came, in order; the answers to RCPT and DATA can be changed, and the line cut after DATA."""

    port: int = 0
    rcpt: str = "250 OK"
    data: str = "250 OK"
    cut_after_data: bool = False
    # Addresses of which it knows nothing.
    unknown: set[str] = field(default_factory=set)
    password: str = ""
    letters: list[Letter] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def relay(self, tls: Tls = Tls.NONE) -> MailRelay:
        """The way to it."""
        return MailRelay(host="127.0.0.1", port=self.port, tls=tls, sender=SENDER)

    def wait_for(self, count: int, within: float = 60) -> list[Letter]:
        """Wait until so many mails were taken."""
        deadline = time.monotonic() + within
        with self.changed:
            while len(self.letters) < count:
                if not self.changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(self.letters)} of {count} mails came")
        return self.letters

    async def handle_RCPT(  # noqa: N802 - the library calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no such user"
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data.startswith("250"):
            content = envelope.content
            said: object = session.auth_data
            assert isinstance(content, bytes)
            letter = Letter(
                str(envelope.mail_from),
                envelope.rcpt_tos[0],
                content,
                email.message_from_bytes(content, policy=default),
                session.ssl is not None,
                said.login.decode() if isinstance(said, LoginPassword) else None,
            )
            with self.changed:
                self.letters.append(letter)
                self.changed.notify_all()
        if self.cut_after_data:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.data

    def let_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, said: object
    ) -> AuthResult:
        """Say whether this is the password."""
        right = isinstance(said, LoginPassword) and said.password.decode() == self.password
        return AuthResult(success=right, handled=False, auth_data=said)


class _OnAFreePort(Controller):
    """The library's own, which takes port 0 for the one to try itself out on."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library's own


@contextmanager
def running_mail_server(tls: ssl.SSLContext | None = None, *, password: str = "") -> Iterator[MailServer]:
    """Take mail on a free port of loopback until the end of the block; STARTTLS where a context is given."""
    server = MailServer(password=password)
    controller = _OnAFreePort(
        server,
        hostname="127.0.0.1",
        port=0,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=server.let_in if password else None,
        auth_required=bool(password),
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
