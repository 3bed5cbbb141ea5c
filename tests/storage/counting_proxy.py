"""A Unix socket between the application and PostgreSQL that counts round trips and plans; it changes no byte.

A round trip begins with the first bytes that the client sends after the server said ReadyForQuery ("Z"). A plan is
counted where the server says so: with `log_planner_stats`, and `client_min_messages` at `log`.
"""

import selectors
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer

from app.storage.engine.embedded.folders import Address

_HEAD_BYTES = 5


@dataclass
class RoundTrips:
    """What was counted since `start`, over all connections, with the first statement of each, and what was planned.

    A plan is named by where the server says that it is made, such as a line of a function; ``-``: in no function.
    """

    said: list[bytes] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Count from nought."""
        self.said.clear()
        self.planned.clear()

    @property
    def plans(self) -> int:
        """How many plans were made."""
        return len(self.planned)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.said)


@contextmanager
def counting_proxy(address: Address) -> Iterator[tuple[Address, RoundTrips]]:
    """Listen in a separate folder under the same socket name; gives where, and the count."""
    counted = RoundTrips()
    name = f".s.PGSQL.{address.port}"
    folder = Path(tempfile.mkdtemp(prefix="agp-"))

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(str(address.socket_folder / name))
                _carry(self.request, server, counted)

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True
        # The threads end with their connections, and those may outlive this block.
        block_on_close = False

    with Server(str(folder / name), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Address(folder, address.port), counted
        finally:
            proxy.shutdown()
            thread.join()
            shutil.rmtree(folder)


def _carry(client: socket.socket, server: socket.socket, counted: RoundTrips) -> None:
    """Carry bytes both ways until one side hangs up."""
    answers, ready = _Answers(counted), False
    with selectors.DefaultSelector() as waiting, suppress(OSError):
        waiting.register(client, selectors.EVENT_READ)
        waiting.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is server:
                    data = server.recv(65536)
                    # Noted before the client can see it, so that its next bytes count for certain.
                    ready = answers.end_with_ready(data) or (ready and not data)
                    client.sendall(data)
                else:
                    data = client.recv(65536)
                    if data and ready:
                        ready = False
                        counted.said.append(data[:200])
                    server.sendall(data)
                if not data:
                    return


class _Answers:
    """The server's messages, cut out of the stream: one letter, four bytes of length, the rest."""

    def __init__(self, counted: RoundTrips) -> None:
        self._rest = b""
        self._counted = counted

    def end_with_ready(self, data: bytes) -> bool:
        """Take more of the stream; say whether the last whole message in it was ReadyForQuery."""
        self._rest += data
        last = b""
        while len(self._rest) >= _HEAD_BYTES:
            length = int.from_bytes(self._rest[1:_HEAD_BYTES], "big") + 1
            if len(self._rest) < length:
                break
            last, message, self._rest = self._rest[:1], self._rest[:length], self._rest[length:]
            if last == b"N" and b"PLANNER STATISTICS" in message:
                places = [one[1:] for one in message[_HEAD_BYTES:].split(b"\0") if one[:1] == b"W"]
                self._counted.planned.append(places[0].decode() if places else "-")
        return last == b"Z" and not self._rest
