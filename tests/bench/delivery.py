"""How long it takes from the commit of an event to the first attempt at a receiver, with two worker processes.

Events are written at a steady rate, each in a separate transaction, by the code that the rooms above call; the
workers are ``afterglow worker`` as an operator starts them; the receiver is real and notes when a request is in.
"""

import asyncio
import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from uuid import UUID

import psycopg

from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from tests.bench.goals import Goal, judged
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client
from tests.support.processes import wait_until
from tests.support.receiver import running_receiver
from tests.support.service import KEY, RunningClock, Service, running_service

WORKERS = 2
RATE = 20
# What is looked for when the machine has nothing else to do.
TARGET_SECONDS = 1.0
START_WITHIN_SECONDS = 120


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
def worker(place: DatabaseUrls, settings: Mapping[str, str] | None = None) -> Iterator[None]:
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
            yield
        finally:
            process.terminate()
            process.wait(60)
