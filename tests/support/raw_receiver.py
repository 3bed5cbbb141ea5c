"""A receiver that may say anything: real sockets on 127.0.0.1, and the answer written byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawReceiver:
    """What came in: the number of connections, and the text of each request read by ``answering``."""

    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@asynccontextmanager
async def raw_receiver(
    script: Script | bytes, *, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[RawReceiver]:
    """Run a server whose every connection follows the script; bytes are sent as they are after a request."""
    receiver = RawReceiver()
    running: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        receiver.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if isinstance(script, bytes):
                receiver.requests.append(await read_request(reader))
                writer.write(script)
                await writer.drain()
            else:
                await script(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        running.discard(task)

    if ssl_context is not None:
        ssl_context.sni_callback = lambda _socket, name, _context: receiver.server_names.append(name)
    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=ssl_context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        left = list(running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> str:
    """Read one whole request, head and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        (
            int(line.split(":")[1])
            for line in head.lower().split("\r\n")
            if line.startswith("content-length:")
        ),
        0,
    )
    return head + (await reader.readexactly(length)).decode()
