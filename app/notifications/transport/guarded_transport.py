"""The only way out to a receiver: one resolution, checked, and a connection to what was checked.

Nothing here trusts the other side. A name that points elsewhere a moment later (DNS rebinding) has no
effect, redirects and cookies cannot be followed because they are not handed on, and no answer can hold
a worker longer than the bounds say.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore2
import httpx2

from app.notifications.transport.addresses import (
    AllowedNetworks,
    EndpointUrl,
    IPAddress,
    Resolver,
    parse_endpoint_url,
    resolve_and_check,
    resolve_by_system,
)

_MOST_ADDRESSES_TRIED: Final = 3
_RETRY_AFTER: Final = b"retry-after"


class NoAnswerError(Exception):
    """The receiver gave no complete HTTP answer."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class ReceiverTimeoutError(NoAnswerError):
    """The receiver did not answer in time."""


class ReceiverUnreachableError(NoAnswerError):
    """The receiver could not be reached, broke the connection off or did not speak HTTP."""


class ReceiverTlsError(NoAnswerError):
    """The receiver's TLS certificate could not be verified, or TLS could not be agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long and how much one attempt may take, whatever the receiver does."""

    connect_seconds: float = 5.0
    total_seconds: float = 15.0
    body_bytes: int = 16 * 1024


def guarded_client(
    *,
    allowed: AllowedNetworks,
    http_allowed: bool,
    resolver: Resolver = resolve_by_system,
    ssl_context: ssl.SSLContext | None = None,
    bounds: Bounds | None = None,
    keeps_body: bool = False,
) -> httpx2.AsyncClient:
    """Make the client that webhooks are sent with; the caller closes it.

    Args:
        allowed: Networks that may be reached besides public addresses.
        http_allowed: Whether those networks may be reached without TLS (test mode).
        resolver: Gives a host's addresses; asked once an attempt.
        ssl_context: Whom to believe; by default the machine's authorities, or those of ``SSL_CERT_FILE``.
        bounds: Limits on time and size.
        keeps_body: Whether the answer's body is handed on; one beyond the bounds is no answer.
    """
    transport = GuardedTransport(
        allowed=allowed,
        http_allowed=http_allowed,
        resolver=resolver,
        ssl_context=ssl_context or httpcore2.default_ssl_context(),
        bounds=bounds or Bounds(),
        keeps_body=keeps_body,
    )
    return httpx2.AsyncClient(
        transport=transport,
        # A proxy would resolve the name again, behind our check. The transport alone keeps proxies out
        # today; this says that it is meant.
        trust_env=False,
        follow_redirects=False,
        headers={"accept-encoding": "identity", "connection": "close"},
    )


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends one request over one separate connection to a checked address; hands on no body, unless asked to.

    The answer it gives consists of the status and ``Retry-After``, and perhaps the body; all else stays there.

    Raises:
        EndpointAddressRefusedError: the URL, or one of the addresses behind it, is not acceptable.
        ReceiverTimeoutError, ReceiverUnreachableError, ReceiverTlsError: no complete answer came.
    """

    def __init__(
        self,
        *,
        allowed: AllowedNetworks,
        http_allowed: bool,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        bounds: Bounds,
        keeps_body: bool = False,
    ) -> None:
        self._allowed = allowed
        self._http_allowed = http_allowed
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._bounds = bounds
        self._keeps_body = keeps_body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request within the bounds; the URL is checked again, since settings may have changed."""
        url = parse_endpoint_url(str(request.url), allowed=self._allowed, http_allowed=self._http_allowed)
        try:
            async with asyncio.timeout(self._bounds.total_seconds):
                addresses = await resolve_and_check(
                    url.host,
                    url.port,
                    self._allowed,
                    only_allowed=url.needs_allowed_network,
                    resolver=self._resolver,
                )
                return await self._send(request, url, addresses)
        except TimeoutError:
            raise ReceiverTimeoutError from None

    async def _send(
        self, request: httpx2.Request, url: EndpointUrl, addresses: Sequence[IPAddress]
    ) -> httpx2.Response:
        """Exchange request and answer, turning whatever goes wrong into one of our three errors."""
        checked = _CheckedAddresses(addresses)
        try:
            return await self._exchange(request, url, checked)
        except httpcore2.TimeoutException:
            raise ReceiverTimeoutError from None
        except Exception as error:  # noqa: BLE001 - whatever a stranger's answer sets off in the HTTP stack
            # Not chained: the texts of these errors quote the receiver's answer.
            raise (ReceiverTlsError if _comes_from_tls(error) else ReceiverUnreachableError) from None
        finally:
            await checked.aclose()

    async def _exchange(
        self, request: httpx2.Request, url: EndpointUrl, checked: "_CheckedAddresses"
    ) -> httpx2.Response:
        scheme, host = url.scheme.encode(), url.host.encode()
        # A connection and not a pool: a kept connection would outlive the check of its address.
        connection = httpcore2.AsyncHTTPConnection(
            origin=httpcore2.Origin(scheme, host, url.port),
            ssl_context=self._ssl_context,
            network_backend=checked,
        )
        bounds = self._bounds
        seconds = {
            "connect": bounds.connect_seconds,
            "read": bounds.total_seconds,
            "write": bounds.total_seconds,
        }
        answer = await connection.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=scheme, host=host, port=url.port, target=url.target.encode()),
                headers=request.headers.raw,
                content=request.stream,
                extensions={"timeout": seconds},
            )
        )
        body = b""
        if self._keeps_body:
            body = await _read_body(answer, bounds.body_bytes)
        else:
            await _discard_body(answer, bounds.body_bytes)
        kept = [(name, value) for name, value in answer.headers if name.lower() == _RETRY_AFTER]
        return httpx2.Response(answer.status, headers=kept[:1], content=body)


class _CheckedAddresses(httpcore2.AsyncNetworkBackend):
    """Connects to the checked addresses, whatever host it is asked for; TLS still verifies the host name."""

    def __init__(self, addresses: Sequence[IPAddress]) -> None:
        self._addresses = addresses[:_MOST_ADDRESSES_TRIED]
        self._open: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first checked address that answers, each having its share of the time."""
        del host, local_address
        share = None if timeout is None else timeout / len(self._addresses)
        failure: Exception = ReceiverUnreachableError()
        for address in self._addresses:
            try:
                self._open = await httpcore2.AnyIOBackend().connect_tcp(
                    str(address), port, timeout=share, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return self._open
        raise failure

    async def aclose(self) -> None:
        """Close the socket, also when TLS was never finished: httpcore2 forgets it when cancelled there."""
        if self._open is not None:
            await self._open.aclose()


async def _read_body(answer: httpcore2.Response, most_bytes: int) -> bytes:
    """Read what the other side says; more than the limit is no answer."""
    received = bytearray()
    async with aclosing(answer.aiter_stream()) as chunks:
        async for chunk in chunks:
            received += chunk
            if len(received) > most_bytes:
                raise ReceiverUnreachableError
    return bytes(received)


async def _discard_body(answer: httpcore2.Response, most_bytes: int) -> None:
    """Let the receiver finish what it says, up to a limit; none of it is kept."""
    received = 0
    async with aclosing(answer.aiter_stream()) as chunks:
        async for chunk in chunks:
            received += len(chunk)
            if received >= most_bytes:
                return


def _comes_from_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__
    return False


LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LONGEST_HEADER_CHARACTERS: Final = 64


def read_retry_after(header: str | None, *, answered_at: datetime) -> timedelta | None:
    """Read a ``Retry-After`` header (seconds or an HTTP date) as the wait from the answer, 0 to 24 h.

    Whatever cannot be read counts as absent: it is written by a stranger.
    """
    text = (header or "").strip()
    if not text or len(text) > _LONGEST_HEADER_CHARACTERS:
        return None
    if _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(text))
    else:
        try:
            date = parsedate_to_datetime(text)
            # HTTP dates are GMT; a date without a zone is taken as that.
            wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - answered_at
        except (ValueError, OverflowError):
            return None
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
