"""A worker in a process of its own, at a moment of the test's choosing, to be killed without a warning."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from app.foundation.clock import SettableClock
from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from app.storage.database import Database
from app.web.equipment import Equipment
from app.worker import Worker
from tests.support.service import KEY

_ROOT = Path(__file__).parents[2]


@contextmanager
def running_worker(database_url: str, *, now: datetime, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker, for which time stands still; without a mail server."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_process", database_url, now.isoformat()],
            cwd=_ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def work(database_url: str, now: datetime) -> None:
    """Work until killed."""
    equipment = Equipment(
        database=Database(database_url),
        vault=Vault(KEY),
        clock=SettableClock(now),
        public_url="https://afterglow.test",
        webhook_allow="127.0.0.0/8",
    )
    await Worker(equipment).run()


if __name__ == "__main__":
    set_up_logs()
    asyncio.run(work(sys.argv[1], datetime.fromisoformat(sys.argv[2])))
