"""A worker in a separate process, at a moment of the test's choosing, to be killed without a warning."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from app.context import AppContext
from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from app.storage.engine.database import Database
from app.worker import Worker
from tests.support.clock import SettableClock
from tests.support.service import KEY
from tests.support.shared_clock import SharedClock

_ROOT = Path(__file__).parents[2]


@contextmanager
def running_worker(
    database_url: str, *, now: datetime | SharedClock, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker, for which time stands still or is the shared clock's; without a mail server."""
    when = str(now.path) if isinstance(now, SharedClock) else now.isoformat()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_process", database_url, when],
            cwd=_ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def work(database_url: str, when: str) -> None:
    """Work until killed."""
    clock = SharedClock(Path(when)) if when.startswith("/") else SettableClock(datetime.fromisoformat(when))
    context = AppContext(
        database=Database(database_url),
        vault=Vault(KEY),
        clock=clock,
        public_url="https://afterglow.test",
        webhook_allow="127.0.0.0/8",
    )
    await Worker(context).run()


if __name__ == "__main__":
    set_up_logs()
    asyncio.run(work(sys.argv[1], sys.argv[2]))
