"""Asking a connected system: only at hosts that the clinic named, and only through the guarded transport."""

import json
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
import httpx2

from app.context import AppContext
from app.foundation.errors import RefusalError, RefusalKind
from app.notifications.transport.addresses import AllowedNetworks, EndpointAddressRefusedError
from app.notifications.transport.guarded_transport import Bounds, NoAnswerError, guarded_client
from app.storage.connected_systems import ConnectedSystem

_BOUNDS: Final = Bounds(total_seconds=10.0, body_bytes=1_000_000)
_OK: Final = 200


class SystemAwayError(RefusalError):
    """The other system does not answer as it should; please try again, or sign in with your password."""

    kind = RefusalKind.UNAVAILABLE
    code = "system-away"


class HostNotNamedError(RefusalError):
    """The other system names an address at a host that the clinic has not allowed."""

    kind = RefusalKind.FORBIDDEN
    code = "host-not-named"


async def fetch_json(
    context: AppContext,
    system: ConnectedSystem,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Get a document, or post a form and get what comes back.

    Raises:
        HostNotNamedError: the address is not the system's.
        SystemAwayError: no answer, another status than 200, or no JSON object.
    """
    refuse_other_hosts(system, url)
    sent = {"accept": "application/json", **(headers or {})}
    allowed = AllowedNetworks.parse(context.webhook_allow)
    async with guarded_client(
        allowed=allowed, http_allowed=True, bounds=_BOUNDS, keeps_body=True, ssl_context=_trusted()
    ) as client:
        try:
            if form is None:
                answer = await client.get(url, headers=sent)
            else:
                answer = await client.post(url, data=dict(form), headers=sent)
        except (NoAnswerError, EndpointAddressRefusedError, httpx2.InvalidURL):
            raise SystemAwayError from None
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError):
        raise SystemAwayError from None
    if answer.status_code != _OK or not isinstance(document, dict):
        raise SystemAwayError
    return document


@cache
def _trusted() -> ssl.SSLContext:
    """Read once whom to believe: it takes longer than asking."""
    return httpcore2.default_ssl_context()


def refuse_other_hosts(system: ConnectedSystem, url: str) -> None:
    """Refuse an address at a host that is neither the issuer's nor named beside it.

    Raises:
        HostNotNamedError: it is one.
    """
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        raise HostNotNamedError from None
    if host not in {urlsplit(system.issuer).netloc.lower(), *system.settings.get("hosts", [])}:
        raise HostNotNamedError
