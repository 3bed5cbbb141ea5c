"""A worker in a separate process, at a moment of the test's choosing, to be killed without a warning."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from app.context import AppContext
from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from app.storage.engine.database import Database
from app.worker import Worker
from tests.support.clock import SettableClock
from tests.support.service import KEY
from tests.support.shared_clock import SharedClock

# Each is a copy of one that has imported all of it, and has done nothing yet: importing takes seconds.
_COPIES = get_context("forkserver")
_COPIES.set_forkserver_preload([__name__])


@contextmanager
def running_worker(database_url: str, *, now: datetime | SharedClock, log: Path) -> Iterator[BaseProcess]:
    """Run a worker, for which time stands still or is the shared clock's; without a mail server."""
    when = str(now.path) if isinstance(now, SharedClock) else now.isoformat()
    process = _COPIES.Process(target=_live, args=(database_url, when, log), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _live(database_url: str, when: str, log: Path) -> None:
    """Work until killed."""
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    set_up_logs()
    asyncio.run(_work(database_url, when))


async def _work(database_url: str, when: str) -> None:
    clock = SharedClock(Path(when)) if when.startswith("/") else SettableClock(datetime.fromisoformat(when))
    context = AppContext(
        database=Database(database_url),
        vault=Vault(KEY),
        clock=clock,
        public_url="https://afterglow.test",
        webhook_allow="127.0.0.0/8",
    )
    await Worker(context).run()
