"""The whole service in this process: real HTTP on a free port, a worker, a clock that the test moves."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
import uvicorn
import uvloop
from psycopg import AsyncConnection
from sqlalchemy import Dialect, event, update

from app.access.clinics.commands import OpenedClinic, open_clinic
from app.asgi import build_app
from app.care.intake.spool import Spool
from app.clinical.protocol import STANDARD, Protocol
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.relays import GatewayRelay, MailRelay
from app.foundation.vault import Vault
from app.storage.clinics import ClinicRow
from app.storage.engine.database import Database
from app.storage.engine.statements import Built, Found
from app.web.connections import BoundedConnection
from app.worker import Worker
from tests.support.clock import SettableClock

T = TypeVar("T")
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
KEY = bytes(range(32))


@dataclass
class Service:
    """A running service."""

    url: str
    clock: SettableClock
    context: AppContext
    loop: asyncio.AbstractEventLoop
    worker: Worker
    # Clinics of tests that are over: a sweep would look through each of them, as often as the clock was moved.
    left: list[UUID] = field(default_factory=list)

    def run(self, coroutine: Coroutine[Any, Any, T], *, within: float = 60) -> T:
        """Run something on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(within)

    def sweep(self, *, within: float = 60) -> None:
        """Let the worker sweep now: while a sweep of its own is under way, this one waits for its turn."""

        async def whole() -> None:
            await close_clinics(self.context, self.left)
            self.left.clear()
            while not await self.worker.sweep():  # noqa: ASYNC110 - the other sweep says to nobody when it ends
                await asyncio.sleep(0.01)

        self.run(whole(), within=within)

    def new_clinic(self, name: str = "Clinic") -> OpenedClinic:
        """Open a clinic as the operator does."""
        return self.run(opened_clinic(self.context, name=name))


async def close_clinics(context: AppContext, whose: Sequence[UUID]) -> None:
    """Close clinics whose tests are over, so that nothing is looked for in them; what they have stays."""
    if whose:
        async with context.work(None) as work:
            await work.execute(update(ClinicRow).where(ClinicRow.id.in_(whose)).values(state="closed"))


async def opened_clinic(context: AppContext, *, name: str = "Clinic") -> OpenedClinic:
    """Open a clinic as the operator does."""
    async with context.work(new_id(), actor=OPERATOR) as work:
        return await open_clinic(work, name=name)


@contextmanager
def running_service(
    database_url: str,
    *,
    now: datetime = NOW,
    protocol: Protocol = STANDARD,
    work: bool = True,
    speedup: int = 1000,
    requests_per_minute: int = 1_000_000,
    clock: SettableClock | None = None,
    mail: MailRelay | None = None,
    gateway: GatewayRelay | None = None,
    webhook_allow: str = "127.0.0.0/8",
    spool_dir: Path | None = None,
    tenant_key: bytes | None = None,
    direct_url: str | None = None,
    replica_url: str | None = None,
) -> Iterator[Service]:
    """Run API and worker until the end of the block; on the machine's own time with a ``RunningClock``."""
    clock = clock or SettableClock(now)
    ready, holder, stop = threading.Event(), [], _Stop()

    async def live() -> None:
        context = AppContext(
            database=Database(
                database_url, tenant_key=tenant_key, direct_url=direct_url, replica_url=replica_url
            ),
            vault=Vault(KEY),
            clock=clock,
            public_url="https://afterglow.test",
            webhook_allow=webhook_allow,
            protocol=protocol,
            mail=mail,
            gateway=gateway,
        )
        spool = None if spool_dir is None else Spool(spool_dir, context.vault)
        listener = _listener()
        config = uvicorn.Config(
            build_app(context, requests_per_minute=requests_per_minute, spool=spool),
            log_config=None,
            access_log=False,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        worker = Worker(context, retry_speedup=speedup, spool=spool)
        port = listener.getsockname()[1]
        holder.append(
            Service(
                url=f"http://127.0.0.1:{port}",
                clock=clock,
                context=context,
                loop=asyncio.get_running_loop(),
                worker=worker,
            )
        )
        tasks = [asyncio.create_task(server.serve(sockets=[listener]))]
        if work:
            tasks.append(asyncio.create_task(worker.run()))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)

        def end() -> None:
            worker.stop()
            server.should_exit = True

        stop.arm(asyncio.get_running_loop(), end)
        ready.set()
        await asyncio.gather(*tasks)
        await context.database.close()

    def run() -> None:
        # On the event loop that uvicorn takes in production.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(live())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(30):
        raise TimeoutError
    try:
        yield holder[0]
    finally:
        stop()
        thread.join(40)


def _listener() -> socket.socket:
    """Listen on a free port. By its protocol asyncio knows that it is TCP, and sends small answers at once: otherwise
    each request waits 40 ms for an acknowledgement."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


class RunningClock(SettableClock):
    """The machine's time, moved by as much as the test moved it: waits end by themselves."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._moved_by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._moved_by

    def move_to(self, moment: datetime) -> None:
        self._moved_by = moment - datetime.now(UTC)


class _Stop:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._how: Callable[[], object] = lambda: None

    def arm(self, loop: asyncio.AbstractEventLoop, how: Callable[[], object]) -> None:
        self._loop, self._how = loop, how

    def __call__(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._how)


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """Note every statement that is made meanwhile: through SQLAlchemy, or of those that are built once."""
    made: list[str] = []
    engine = service.context.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        made.append(statement)

    async def noted(
        self: Built, driver: AsyncConnection[Any], dialect: Dialect, given: Mapping[str, Any]
    ) -> Found:
        found = await run(self, driver, dialect, given)
        made.append(self.text.decode())
        return found

    run = Built.run
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Built, "run", noted)
            yield made
    finally:
        event.remove(engine, "before_cursor_execute", note)
