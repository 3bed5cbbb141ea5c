"""How long it takes from the commit of an event to the first attempt at a receiver, with two worker processes.

Events are written at a steady rate, each in a separate transaction, by the code that the rooms above call; the
workers are ``afterglow worker`` as an operator starts them; the receiver is real and notes when a request is in.
"""

import asyncio
import base64
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Self
from uuid import UUID

import psycopg

from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from tests.bench.goals import Goal, judged
from tests.bench.processes import cpu_seconds
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client
from tests.support.processes import wait_until
from tests.support.receiver import running_receiver
from tests.support.service import KEY, RunningClock, Service, running_service

WORKERS = 2
SEVERAL_WORKERS = (1, 2, 4)
ROUNDS = 2
# Of so many clinics with two endpoints each, so that no limit of one receiver's or clinic's is met.
CLINICS = 10
DRAINED = 3_000
_ENDPOINTS = "SELECT clinic_id, id FROM care.webhook_endpoints WHERE clinic_id = ANY(%s)"
# As if a clinic had written so many events before.
BACKLOG = """
    WITH written AS (
        INSERT INTO care.notifications (clinic_id, id, type, occurred_at, body)
        SELECT %(clinic)s, gen_random_uuid(), 'signal.raised', now(), '{}' FROM generate_series(1, %(count)s)
        RETURNING clinic_id, id
    )
    INSERT INTO care.deliveries
        (clinic_id, id, notification_id, endpoint_id, urgency, state, attempts_made, next_attempt_at)
    SELECT clinic_id, gen_random_uuid(), id, %(endpoint)s, 'ordinary', 'pending', 0, now() FROM written
"""
RATE = 20
# What is looked for when the machine has nothing else to do.
TARGET_SECONDS = 1.0
START_WITHIN_SECONDS = 120


class CountingServer(ABC):
    """Takes whatever comes on a free port of loopback, and only counts it."""

    def __init__(self) -> None:
        self.taken = 0
        self.port = 0

    @abstractmethod
    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection until the other side hangs up."""

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._on_a_connection, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        await self._ended.wait()

    async def _on_a_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end: whoever keeps a connection open need not hang up first.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.take(reader, writer)
        writer.close()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run it in a thread."""
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        thread.start()
        assert wait_until(lambda: self.port != 0, 10)
        yield self
        self._loop.call_soon_threadsafe(self._ended.set)
        thread.join()


class CountingReceiver(CountingServer):
    """Takes every event."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests with 204."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            (length,) = re.findall(rb"(?i)\r\ncontent-length: *(\d+)", head)
            await reader.readexactly(int(length))
            self.taken += 1
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def latencies(place: DatabaseUrls, *, seconds: float, rate: float = RATE) -> list[float]:
    """Write events at this rate for so long; gives the time from commit to arrival of each, in seconds."""
    with (
        running_receiver() as receiver,
        running_service(place.application_url, clock=RunningClock(), work=False) as service,
        ExitStack() as stack,
    ):
        clinic = clinic_client(service)
        clinic.add_endpoint(receiver.url)
        patient = UUID(clinic.patient())
        for _ in range(WORKERS):
            stack.enter_context(worker(place))
        assert wait_until(lambda: working(place) == WORKERS, START_WITHIN_SECONDS)
        # The first ones meet cold connections and plans; they are not counted.
        warm = service.run(_write(service, UUID(clinic.clinic_id), patient, count=rate, rate=rate))
        assert wait_until(lambda: len(receiver.requests) >= len(warm), 60)
        committed = service.run(
            _write(service, UUID(clinic.clinic_id), patient, count=seconds * rate, rate=rate),
            within=seconds + 60,
        )
        came: dict[str, float] = {}
        assert wait_until(lambda: len(receiver.accepted()) >= len(warm) + len(committed), 60)
        for one in receiver.requests:
            came.setdefault(one.webhook_id, one.at)
    return [max(0.0, came[webhook_id] - at) for webhook_id, at in committed.items()]


def report(taken: list[float]) -> list[str]:
    """Give the line to print."""
    shares = " ".join(f"p{share} {percentile(taken, share) * 1e3:.0f} ms" for share in (50, 95, 99))
    first = f"commit to first attempt, {WORKERS} workers, {RATE} events a second: {shares}"
    return [f"{first} (longest {max(taken) * 1e3:.0f} ms, {len(taken)} events)"]


def missed(taken: list[float]) -> list[str]:
    """Print the goal as met or not; gives it if it was missed."""
    return judged([Goal("commit to first attempt, p99 in s", percentile(taken, 99), most=TARGET_SECONDS)])


def percentile(taken: list[float], share: int) -> float:
    """What this share (in percent) stayed below."""
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def measure_throughput(place: DatabaseUrls) -> list[str]:
    """Print how many deliveries a second 1, 2 and 4 workers send of a backlog; give the goals that were missed.

    The receiver only counts. Rounds alternate, for other work on the machine meets all alike.
    """
    rates: dict[int, list[float]] = {workers: [] for workers in SEVERAL_WORKERS}
    costs: list[float] = []
    with (
        running_service(place.application_url, clock=RunningClock(), work=False) as service,
        CountingReceiver().running() as receiver,
    ):
        clinics = [clinic_client(service) for _ in range(CLINICS)]
        for clinic in clinics:
            for number in (1, 2):
                clinic.add_endpoint(f"http://127.0.0.1:{receiver.port}/{number}")
            clinic.close()
        ids = [UUID(clinic.clinic_id) for clinic in clinics]
        for _ in range(ROUNDS):
            for workers, found in rates.items():
                rate, cost = _drain(place, receiver, ids, workers)
                found.append(rate)
                costs.append(cost)
    middle = {workers: statistics.median(found) for workers, found in rates.items()}
    print(  # noqa: T201 - its report
        "deliveries a second: "
        + ", ".join(f"{rate:.0f} with {workers}" for workers, rate in middle.items())
        + f" workers; {statistics.median(costs) * 1e3:.1f} ms of a worker's processor time each"
    )
    return judged(
        [
            # What 150 a second leave for one, where a worker has a core to itself.
            Goal(
                "a worker's processor time of a delivery, ms", statistics.median(costs) * 1e3, most=1000 / 150
            ),
            Goal("deliveries a second, two workers ÷ one", middle[2] / middle[1], least=1.0),
        ]
    )


def _drain(
    place: DatabaseUrls, receiver: CountingReceiver, clinics: list[UUID], workers: int
) -> tuple[float, float]:
    """Let so many workers send a backlog; gives the deliveries a second, and a worker's processor time for one."""
    assert wait_until(lambda: working(place) == 0, START_WITHIN_SECONDS)
    with (
        ExitStack() as stack,
        psycopg.connect(place.superuser_url, autocommit=True) as connection,
    ):
        processes = [stack.enter_context(worker(place)).pid for _ in range(workers)]
        assert wait_until(lambda: working(place) == workers, START_WITHIN_SECONDS)
        endpoints = connection.execute(_ENDPOINTS, [clinics]).fetchall()
        each = DRAINED // len(endpoints)
        before, used = receiver.taken, sum(map(cpu_seconds, processes))
        with connection.transaction():
            for clinic, endpoint in endpoints:
                connection.execute(BACKLOG, {"clinic": clinic, "endpoint": endpoint, "count": each})
        # How soon the first goes out does not grow with the backlog.
        assert wait_until(lambda: receiver.taken > before, 60, pause=0.01)
        began, first = time.monotonic(), receiver.taken
        count = len(endpoints) * each
        assert wait_until(lambda: receiver.taken >= before + count, 600, pause=0.05)
        rate = (receiver.taken - first) / (time.monotonic() - began)
        return rate, (sum(map(cpu_seconds, processes)) - used) / count


async def _write(
    service: Service, clinic_id: UUID, patient_id: UUID, *, count: float, rate: float
) -> dict[str, float]:
    """Write so many events, one after the other at their times; gives when each was committed."""
    committed: dict[str, float] = {}
    began = time.monotonic()
    for number in range(int(count)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        about = About(
            patient_id=patient_id,
            mode="test",
            subject="signal",
            subject_id=new_id(),
            url="https://afterglow.test/v1/signals",
        )
        async with service.context.work(clinic_id) as work:
            now = service.context.clock.now()
            webhook_id = await notify_of_patient(work, EventType.SIGNAL_RAISED, about, now=now)
        committed[str(webhook_id)] = time.monotonic()
    return committed


def working(place: DatabaseUrls) -> int:
    """Count the workers that are up."""
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute("SELECT count(*) FROM jobs.procrastinate_workers").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def worker(
    place: DatabaseUrls, settings: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``afterglow worker`` with some settings more."""
    environment = os.environ | {
        "DATABASE_URL": place.application_url,
        "AFTERGLOW_ENCRYPTION_KEY": base64.b64encode(KEY).decode(),
        "AFTERGLOW_WEBHOOK_ALLOW": "127.0.0.0/8",
        **(settings or {}),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "worker"], env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)
