"""Metrics on a separate port: counts and times, never an id.

What a process counts itself is in the registry of prometheus-client; what the database knows is asked when someone
scrapes, over a connection made for it, so that neither a busy pool nor a busy loop hides how things are.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import REGISTRY, Gauge, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.cli.operation import Operation, look
from app.cli.runtime import Runtime, spool_dir_of
from app.context import AppContext
from app.settings import Settings
from app.storage.engine.binaries import LocalDatabaseError
from app.storage.engine.database import Database
from app.storage.engine.health import failures_named
from app.storage.heartbeats import Duty

_ANSWERS_WITHIN_SECONDS: Final = 5.0
_POOL: Final = Gauge("afterglow_pool_connections", "Connections of this process's pool", ["state"])
_POOL_WAITING: Final = Gauge("afterglow_pool_waiting", "Requests that wait for a connection of the pool")
_PUT_BY_NUMBER: Final = Gauge(
    "afterglow_disclosures_put_by", "Disclosures in this process's spool, also those that were set aside"
)
_PUT_BY_ROOM: Final = Gauge(
    "afterglow_disclosures_room", "How many more disclosures find room in this process's spool"
)
_PUT_BY: Final = Gauge(
    "afterglow_disclosure_waits_seconds",
    "Since when the oldest disclosure of this process's spool is not stored",
)


class MetricsAddressError(OSError):
    """The metrics cannot be shown where they should be; another process may show its own there."""

    def __init__(self, host: str, port: int, reason: str | None) -> None:
        super().__init__(
            f"The metrics cannot be shown at {host}:{port} ({reason}): give each process its AFTERGLOW_METRICS_PORT."
        )


def serve_metrics(settings: Settings, runtime: Runtime, context: AppContext) -> None:
    """Serve ``/metrics`` in a separate thread, if a port is set."""
    if settings.metrics_port is None:
        return
    # Only here: it knows all of the safety pathway, and most commands need none of it.
    from app.care.intake.spool import Spool  # noqa: PLC0415 - see above

    _watch_pool(context.database)
    spool = Spool(spool_dir_of(settings), context.vault)
    _PUT_BY.set_function(spool.oldest_seconds)
    _PUT_BY_NUMBER.set_function(lambda: len(spool.waiting()) + len(spool.set_aside()))
    _PUT_BY_ROOM.set_function(spool.room)
    REGISTRY.register(OperationCollector(lambda: asyncio.run(_looked(settings, runtime))))
    try:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    except OSError as error:
        raise MetricsAddressError(settings.metrics_host, settings.metrics_port, error.strerror) from None


def _watch_pool(database: Database) -> None:
    _POOL.labels("in use").set_function(lambda: database.budget.in_use)
    _POOL.labels("most").set_function(lambda: database.budget.size)
    _POOL_WAITING.set_function(lambda: database.budget.waiting)


async def _looked(settings: Settings, runtime: Runtime) -> Operation:
    context = runtime.context(settings, pool_size=1)
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
            return await look(context)
    finally:
        await context.database.close()


class OperationCollector(Collector):
    """What the database knows, asked at each scrape. While it does not answer, only that is said."""

    def __init__(self, ask: Callable[[], Operation]) -> None:
        self._ask = ask

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the figures of this moment."""
        try:
            with failures_named():
                operation = self._ask()
        except (LocalDatabaseError, TimeoutError, OSError):
            yield _one("database_answers", "1 when the database answered this scrape", 0)
            return
        yield _one("database_answers", "1 when the database answered this scrape", 1)
        yield from _of_processes(operation)
        yield from _of_safety(operation)
        yield from _of_waiting(operation)
        yield from _of_server(operation)


def _one(name: str, said: str, number: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"afterglow_{name}", said, value=number)


def _of_processes(operation: Operation) -> Iterator[GaugeMetricFamily]:
    living = GaugeMetricFamily("afterglow_processes", "Living processes by what they do", labels=["duty"])
    alive = Counter(duty for one in operation.processes if not one.dead for duty in one.does)
    for duty in Duty:
        living.add_metric([duty.value], alive[duty])
    yield living
    yield _one(
        "processes_dead",
        "Processes that ended without a word within a day",
        sum(one.dead for one in operation.processes),
    )
    looked = operation.safety.looked_ago
    if looked is not None:
        yield _one(
            "worker_looked_seconds", "Since a worker last looked at what is due", looked.total_seconds()
        )


def _of_safety(operation: Operation) -> Iterator[GaugeMetricFamily]:
    safety = operation.safety
    unsent = operation.seconds_since(safety.unsent_since) or 0
    yield _one("safety_unsent_seconds", "Since when the oldest due safety event waits to be sent", unsent)
    oldest = max(
        (
            operation.seconds_since(one.oldest) or 0
            for one in operation.waiting
            if one.figure == "safety_events"
        ),
        default=0,
    )
    yield _one(
        "safety_unacknowledged", "Safety events that nobody acknowledged", operation.unacknowledged_safety
    )
    yield _one("safety_unacknowledged_seconds", "Since when the oldest of them waits", oldest)
    yield _one("live_clinics", "Live clinics", safety.live)
    yield _one("live_clinics_unreachable", "Live clinics at which no endpoint works", safety.live_unreachable)


def _of_waiting(operation: Operation) -> Iterator[GaugeMetricFamily]:
    labels = ["what", "kind", "state"]
    number = GaugeMetricFamily("afterglow_waiting", "What waits, by what, kind and state", labels=labels)
    seconds = GaugeMetricFamily(
        "afterglow_waiting_seconds", "Since when the oldest of it waits", labels=labels
    )
    seal_lag = 0.0
    for one in operation.waiting:
        oldest = operation.seconds_since(one.oldest)
        number.add_metric([one.figure, one.kind, one.state], one.number)
        if oldest is not None:
            seconds.add_metric([one.figure, one.kind, one.state], oldest)
        if one.figure == "seals":
            seal_lag = oldest or 0.0
    yield number
    yield seconds
    yield _one("seal_lag_seconds", "Since when the oldest line of the audit log waits for its seal", seal_lag)


def _of_server(operation: Operation) -> Iterator[GaugeMetricFamily]:
    server = operation.server
    yield _one("database_connections", "Connections to the database server", server.connections)
    yield _one("database_most_connections", "How many it takes", server.most_connections)
    yield _one("database_bytes", "The size of the database", server.bytes)
    if server.replication_lag is not None:
        lag = server.replication_lag.total_seconds()
        yield _one("replication_lag_seconds", "How far the slowest replica is behind", lag)
    for name, said, moment in (
        ("backup_age_seconds", "Since the last backup was made", operation.backups.made_at),
        (
            "backup_verified_age_seconds",
            "Since a backup was last restored into a scratch database",
            operation.backups.verified_at,
        ),
    ):
        age = operation.seconds_since(moment)
        if age is not None:
            yield _one(name, said, age)
