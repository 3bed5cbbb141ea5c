"""The processes that are measured: a server of one's own, and processor time, from Linux's own accounts."""

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.databases import DatabaseUrls
from tests.support.service import KEY

_PAGES = "tests.bench.page_server"
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Processor seconds a check-in."""

    application: float
    postgres: float


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def postgres_children(superuser_url: str) -> float:
    """The time of all backends of a server so far, but of those that clean up and end at times of their choice."""
    with psycopg.connect(superuser_url) as connection:
        mine = connection.info.backend_pid
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE pid <> %s AND backend_type <> 'autovacuum worker'",
            (mine,),
        ).fetchall()
    return sum(cpu_seconds(pid) for (pid,) in rows if Path(f"/proc/{pid}").exists())


class Server:
    """A server process and its port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port


@contextmanager
def server(kind: str, place: DatabaseUrls, sample: dict[str, str]) -> Iterator[Server]:
    """Run the service or the bare route in a separate process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = (
        os.environ
        | sample
        | {
            "DATABASE_URL": place.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": base64.b64encode(KEY).decode(),
            "AFTERGLOW_PORT": str(port),
            "AFTERGLOW_REQUESTS_PER_MINUTE": "100000000",
            "AFTERGLOW_BENCH_DATABASE": place.application_url,
            "AFTERGLOW_BENCH_PORT": str(port),
        }
    )
    command = {
        "app": ["-m", "app", "serve", "--no-worker"],
        "bare": ["-m", "tests.bench.bare"],
        "pages": ["-m", _PAGES],
    }[kind]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield Server(process, port)
        finally:
            process.terminate()
            process.wait(30)
            if process.returncode not in (0, -15):
                log.seek(0)
                sys.stderr.write(log.read().decode()[-2000:])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no server at {port}")
