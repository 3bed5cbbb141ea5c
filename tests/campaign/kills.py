"""Random kills of the API, the worker and PostgreSQL under load: nothing that was acknowledged is lost or doubled."""

import os
import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import psycopg

from app.storage.engine.embedded.supervisor import find_running
from app.storage.engine.migrating import DATABASE
from tests.campaign.figures import Figures, Options
from tests.campaign.load import load_of
from tests.support.people import everything
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until
from tests.support.receiver import running_receiver

_TARGETS = ("serve", "worker", "postgres")
_CLAIMED = """
    SELECT (SELECT count(*) FROM care.deliveries WHERE state = 'pending' AND claimed_until IS NOT NULL)
         + (SELECT count(*) FROM care.outgoing_messages WHERE state = 'pending' AND claimed_until IS NOT NULL)
         + (SELECT count(*) FROM jobs.procrastinate_jobs WHERE status = 'doing'
                AND NOT EXISTS (SELECT FROM jobs.procrastinate_workers w WHERE w.id = worker_id))
"""


def kills(options: Options) -> Figures:
    """Kill at random, then wait until all is delivered, and count."""
    dice = random.Random(options.seed)  # noqa: S311 - the same for the same seed
    with (
        temporary_data_dir() as data_dir,
        running_dev(data_dir, AFTERGLOW_RETRY_SPEEDUP="100") as dev,
        running_receiver() as receiver,
    ):
        clinic = dev.clinic()
        endpoint = clinic.add_endpoint(receiver.url)
        receiver.secret = endpoint["secret"]
        load = load_of(clinic, dev.url, phones=6, seed=options.seed)
        load.start()
        recovery: dict[str, list[float]] = defaultdict(list)
        for _ in range(options.kills):
            time.sleep(dice.uniform(0.3, 2.0))
            target = dice.choice(_TARGETS)
            if _kill(dev, target):
                recovery[target].append(_seconds_until(dev, target))
        load.stop()
        dev.wait_ready()
        lost = _settled(load.lost)
        path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries?limit=200"
        undelivered = _settled(lambda: sum(one["state"] != "delivered" for one in everything(clinic, path)))
        doubled = load.doubled()
        claims = _settled(lambda: _claims_left(dev))
        acknowledged = sum(phone.helped + len(phone.kept) for phone in load.phones)
        clinic.close()
    times = ", ".join(
        f"{name} {statistics.median(found):.1f} s (at most {max(found):.1f})"
        for name, found in recovery.items()
    )
    return Figures(
        lost=lost + doubled + undelivered + claims,
        said=f"{options.kills} kills; {acknowledged} acknowledged, {lost} lost, {doubled} doubled,"
        f" {undelivered} deliveries left, {claims} claims left; recovery: {times}",
    )


def _claims_left(dev: Dev) -> int:
    """How much is claimed by somebody who is not at work on it any more, as the superuser counts it."""
    server = find_running(dev.data_dir)
    if server is None:
        return 1
    with psycopg.connect(server.url("postgres", DATABASE)) as database:
        row = database.execute(_CLAIMED).fetchone()
    return int(row[0]) if row else 0


def _kill(dev: Dev, target: str) -> bool:
    if target != "postgres":
        return dev.kill(target)
    with suppress(OSError, ValueError, IndexError):
        os.kill(dev.server_pid(), signal.SIGKILL)
        return True
    return False


def _seconds_until(dev: Dev, target: str) -> float:
    started = time.monotonic()
    back = dev.is_ready if target != "worker" else (lambda: dev.child("worker") is not None)
    if not wait_until(back, 180, pause=0.05):
        raise TimeoutError(target)
    return time.monotonic() - started


def _settled(left: Callable[[], int]) -> int:
    """How many are left when it does not get fewer any more: the spool is replayed, deliveries are tried again."""
    wait_until(lambda: left() == 0, 90, pause=2)
    return left()
