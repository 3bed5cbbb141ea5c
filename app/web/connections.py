"""What a connection may cost before there is a request: its head comes in time, and is of bounded size.

uvicorn bounds neither with its quick parser. Bodies are bounded by the intake and the edge.
"""

from asyncio import TimerHandle
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS: Final = 10.0
"""How long request line and headers may take, from the first byte or from the connection's beginning."""
MOST_HEAD_BYTES: Final = 32 * 1024
MOST_HEADERS: Final = 100


class HeadTooLargeError(ValueError):
    """Request line and headers are longer than any that are meant."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that ends when its next head does not arrive in time; one that is too large is answered 400."""

    _head_timer: TimerHandle | None = None
    _in_head: bool = True
    _whole_request: bool = False
    _head_bytes: int = 0
    _headers: int = 0

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - uvicorn's own type differs from asyncio's
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is still no whole head after so many bytes never becomes one."""
        self._wait_for_head()
        self._whole_request = False
        super().data_received(data)
        # What came with the end of a request may be its body.
        if self._in_head and not self._whole_request and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("Request headers are too large.")

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Take the request, whose body has a separate time."""
        self._head_came()
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Begin with the next head."""
        super().on_message_complete()
        self._in_head, self._whole_request = True, True
        self._head_bytes = self._headers = 0

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES or self._headers > MOST_HEADERS:
            raise HeadTooLargeError(HeadTooLargeError.__doc__)

    def _wait_for_head(self) -> None:
        if self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        # While an answer is on its way, the next head may wait behind it.
        if self._in_head and not self._is_answering():
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete
