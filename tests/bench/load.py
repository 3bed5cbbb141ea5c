"""A light HTTP/1.1 client: it must cost less than what it measures, so it speaks the protocol by hand."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.foundation.ids import new_id

MOST_CLIENTS = 32


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


def requests_of(tokens: list[str]) -> Callable[[int], bytes]:
    """Make check-ins: each of a client's is the next caller's, and no two clients are at one caller at once.

    A client comes to all callers where their number is odd.
    """
    made: Counter[int] = Counter()

    def make(number: int) -> bytes:
        token = tokens[(number + MOST_CLIENTS * made[number]) % len(tokens)]
        made[number] += 1
        answers = {"mood": 8, "energy": 8, "sleep_quality": 8}
        at = {"recorded_at": datetime.now(UTC).isoformat(), "time_zone": "Europe/Berlin"}
        body = json.dumps(at | answers).encode()
        return (
            f"PUT /v1/check-ins/{new_id()} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    return make


async def burst_of(port: int, callers: int, request: Callable[[int], bytes]) -> Outcome:
    """Send a request from each of so many callers at one moment, on open connections; wait for all answers."""
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(callers)]
    messages = [request(number) for number in range(callers)]
    outcome, began = Outcome(), time.perf_counter()
    for (_, writer), message in zip(lines, messages, strict=True):
        writer.write(message)

    async def answered(reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_content_length(head))
        outcome.latencies.append(time.perf_counter() - began)
        outcome.statuses[int(head[9:12])] = outcome.statuses.get(int(head[9:12]), 0) + 1

    await asyncio.gather(*(answered(reader) for reader, _ in lines))
    outcome.seconds = time.perf_counter() - began
    for _, writer in lines:
        writer.close()
    return outcome
