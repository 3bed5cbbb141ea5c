"""The processor time of processes, from Linux's own accounts."""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

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
    """The time of all backends of a server so far."""
    with psycopg.connect(superuser_url) as connection:
        mine = connection.info.backend_pid
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> %s", (mine,)).fetchall()
    return sum(cpu_seconds(pid) for (pid,) in rows if Path(f"/proc/{pid}").exists())
