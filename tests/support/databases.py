"""A real PostgreSQL for the tests: the wheel's, or Debian's where AFTERGLOW_TEST_PG_BIN names its folder."""

import atexit
import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from app.storage.engine.binaries import find_binaries
from app.storage.engine.embedded.folders import Address
from app.storage.engine.embedded.supervisor import Supervisor
from app.storage.engine.migrating import APPLICATION_ROLE, OWNER_ROLE, make_roles, migrate

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ENOUGH_BYTES: Final = 6 * 1024**3
_MIGRATED: Final = "migrated"
_SHARED: Final = "AFTERGLOW_TEST_SHARED"
# What lasts as long as this process.
KEPT: Final = ExitStack()
atexit.register(KEPT.close)


@dataclass(frozen=True)
class DatabaseUrls:
    """One database, as each role reaches it."""

    application_url: str
    owner_url: str
    superuser_url: str


@dataclass
class Cluster:
    """A running server with the two roles."""

    address: Address
    supervisor: Supervisor
    data_dir: Path

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[DatabaseUrls]:
        """A database of the caller's, dropped afterwards; with today's tables, or without any."""
        name = f"t_{secrets.token_hex(6)}"
        template = _MIGRATED if migrated else "template1"
        # Copied as files: in half of the time that it takes through the write-ahead log.
        self._command(f"CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self._urls(name)
        finally:
            self._command(f"DROP DATABASE {name} WITH (FORCE)")

    def kept_database(self, name: str) -> DatabaseUrls:
        """A database that stays as long as its server; made where there is none, and brought to today's tables."""
        with psycopg.connect(self.address.url(), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {_MIGRATED}".encode())
        migrate(self._urls(name).owner_url, application_role=APPLICATION_ROLE)
        return self._urls(name)

    def make(self) -> None:
        """Make what a server of the tests has: the two roles, and a database with today's tables to copy."""
        make_roles(self.address.url())
        # A test's database need not survive a power cut, so no commit waits for the disk.
        self._command(f"ALTER ROLE {APPLICATION_ROLE} SET synchronous_commit = off")
        self._command(f"CREATE DATABASE {_MIGRATED} OWNER {OWNER_ROLE}")
        migrate(self._urls(_MIGRATED).owner_url, application_role=APPLICATION_ROLE)

    def _urls(self, name: str) -> DatabaseUrls:
        return DatabaseUrls(
            application_url=self.address.url(APPLICATION_ROLE, name),
            owner_url=self.address.url(OWNER_ROLE, name),
            superuser_url=self.address.url("postgres", name),
        )

    def _command(self, statement: str) -> None:
        with psycopg.connect(self.address.url(), autocommit=True) as connection:
            connection.execute(statement)


def close_clinics(database: DatabaseUrls) -> None:
    """Close all clinics, so that no sweep loops over them, and forget their jobs and who failed to sign in.

    Wrong attempts are counted by network, and the tests' is one: thirty of a process's files would lock out the next.
    """
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE front_desk.clinics SET state = 'closed' WHERE state = 'open'")
        connection.execute("SET LOCAL search_path = jobs")  # procrastinate's triggers look there
        connection.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
        connection.execute("DELETE FROM front_desk.failed_tries")


def programs() -> Path | None:
    """The folder of PostgreSQL programs that the tests are set to use."""
    named = os.environ.get("AFTERGLOW_TEST_PG_BIN")
    return Path(named) if named else None


def in_memory() -> Path | None:
    """The machine's file system in memory, where it is large enough for what tests write, and programs run from it.

    A test's database need not survive a power cut, and our server waits for the disk whatever it is asked.
    """
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free > ENOUGH_BYTES else None


@contextmanager
def running_cluster(below: Path | None = None, binaries: Path | None = None) -> Iterator[Cluster]:
    """A server in a separate folder, gone afterwards; of the usual programs if nothing else is said."""
    with open_folder(below) as folder, cluster_in(folder, binaries) as cluster:
        yield cluster


@contextmanager
def cluster_in(folder: Path, binaries: Path | None = None) -> Iterator[Cluster]:
    """A server whose files are in this folder and stay there; a new one where there is none yet."""
    binaries = binaries or programs()
    if not (folder / "data").exists():
        # Making one takes ten times as long as copying it.
        subprocess.run(["cp", "-a", _made_once(binaries), folder / "data"], check=True)
    with Supervisor(folder / "data", find_binaries(binaries)) as supervisor:
        yield Cluster(address=supervisor.address, supervisor=supervisor, data_dir=folder / "data")


def _made_once(binaries: Path | None) -> Path:
    def make(folder: Path) -> None:
        with Supervisor(folder, find_binaries(binaries)) as supervisor:
            Cluster(address=supervisor.address, supervisor=supervisor, data_dir=folder).make()

    return once_in_a_run("server" + str(binaries or "").replace("/", "-"), make)


def once_in_a_run(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first test process of a run makes, for all of the run's processes to copy."""
    folder = shared_folder() / name
    with (shared_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with open_folder(shared_folder()) as apart:
                make(apart / "data")
                (apart / "data").rename(folder)
    return folder


def shared_folder() -> Path:
    """The folder that a run's test processes share; gone with the first of them, which starts the others."""
    if _SHARED not in os.environ:
        os.environ[_SHARED] = str(KEPT.enter_context(open_folder(in_memory())))
    return Path(os.environ[_SHARED])


@contextmanager
def open_folder(below: Path | None = None) -> Iterator[Path]:
    """A folder that every account can pass through (root's PostgreSQL runs as another account); gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="afterglow-test-", dir=below))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
