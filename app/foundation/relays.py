"""The operator's own relays: the mail server that takes mail from us, the gateway that takes texts and pushes."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from app.foundation.errors import OperatorError

_PORTS: Final = {"smtp": 587, "smtps": 465}


class MailSettingsError(OperatorError):
    """The mail server is written smtp://user:password@host:587 or smtps://…, and needs a sender's address."""


class GatewaySettingsError(OperatorError):
    """The gateway needs both its address and its secret, which begins with whsec_."""


class Tls(StrEnum):
    """How the way to the mail server is protected."""

    FROM_THE_START = "from the start"
    STARTTLS = "STARTTLS"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRelay:
    """The mail server, and the address we write from."""

    host: str
    port: int
    tls: Tls
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    # Whom to believe; by default the machine's authorities, or those of SSL_CERT_FILE.
    trust: ssl.SSLContext | None = None

    @property
    def is_this_machine(self) -> bool:
        """Whether the server runs beside us, so that nothing travels."""
        return _is_this_machine(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRelay:
    """The operator's gateway: its address, and the Standard Webhooks secret that our calls are signed with."""

    url: str
    secret: str = field(repr=False)


def read_mail_relay(url: str | None, sender: str | None) -> MailRelay | None:
    """Read ``smtp://user:password@host:587``, ``smtps://…``; None when there is no mail server.

    Without TLS from the start, STARTTLS is required: passwords and links never travel in the clear. Only
    a server on this machine is spoken to without it, and one for which the address says ``?tls=off``.

    Raises:
        MailSettingsError: it cannot be read, or one of the two is missing.
    """
    if not url and not sender:
        return None
    try:
        parts = urlsplit(url or "")
        port = parts.port or _PORTS[parts.scheme]
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except (ValueError, KeyError):
        raise MailSettingsError(MailSettingsError.__doc__) from None
    clear = options == {"tls": ["off"]}
    rest = parts.path.strip("/") or parts.fragment or (options and not clear)
    if not parts.hostname or not sender or "@" not in sender or rest:
        raise MailSettingsError(MailSettingsError.__doc__)
    return MailRelay(
        host=parts.hostname,
        port=port,
        tls=_protection(parts.scheme, parts.hostname, clear=clear),
        sender=sender,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def read_gateway_relay(url: str | None, secret: str | None) -> GatewayRelay | None:
    """Read the gateway's address and secret; None when there is none.

    Raises:
        GatewaySettingsError: only one of the two is there, or the secret is none.
    """
    if not url and not secret:
        return None
    if not url or not secret or not secret.startswith("whsec_"):
        raise GatewaySettingsError(GatewaySettingsError.__doc__)
    return GatewayRelay(url=url, secret=secret)


def _protection(scheme: str, host: str, *, clear: bool) -> Tls:
    if scheme == "smtps":
        return Tls.FROM_THE_START
    return Tls.NONE if clear or _is_this_machine(host) else Tls.STARTTLS


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
