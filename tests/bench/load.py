"""A light HTTP/1.1 client: it must cost less than what it measures, so it speaks the protocol by hand."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What one slice of load did: answers by status, and how long each took, in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the answers stayed below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run_load(port: int, clients: int, seconds: float, request: Callable[[int], bytes]) -> Outcome:
    """Send requests from so many connections for so long; each waits for its answer, then sends the next."""
    outcome = Outcome()
    end = time.perf_counter() + seconds
    started = time.perf_counter()
    await asyncio.gather(*(_client(port, number, end, request, outcome) for number in range(clients)))
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _client(
    port: int, number: int, end: float, request: Callable[[int], bytes], outcome: Outcome
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < end:
            message = request(number)
            began = time.perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            await reader.readexactly(_content_length(head))
            outcome.latencies.append(time.perf_counter() - began)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    finally:
        writer.close()
        await writer.wait_closed()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    return 0
