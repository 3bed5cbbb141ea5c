"""A real PostgreSQL for the tests: the wheel's, or Debian's where AFTERGLOW_TEST_PG_BIN names its folder."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from app.storage.engine.binaries import find_binaries
from app.storage.engine.embedded import Address, Supervisor
from app.storage.engine.migrating import APPLICATION_ROLE, OWNER_ROLE, make_roles, migrate

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ENOUGH_BYTES: Final = 4 * 1024**3


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
    _migrated: str | None = None

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[DatabaseUrls]:
        """A database of the caller's, dropped afterwards; with today's tables, or without any."""
        name = f"t_{secrets.token_hex(6)}"
        template = self._template() if migrated else "template1"
        self._command(f"CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {template}")
        try:
            yield self._urls(name)
        finally:
            self._command(f"DROP DATABASE {name} WITH (FORCE)")

    def _template(self) -> str:
        """Migrate once: a copy of empty tables takes a fifth of the time."""
        if self._migrated is None:
            self._command(f"CREATE DATABASE migrated OWNER {OWNER_ROLE}")
            migrate(self._urls("migrated").owner_url, application_role=APPLICATION_ROLE)
            self._migrated = "migrated"
        return self._migrated

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
    """Close all clinics, so that no sweep loops over them, and forget their jobs."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE front_desk.clinics SET state = 'closed' WHERE state = 'open'")
        connection.execute("SET LOCAL search_path = jobs")  # procrastinate's triggers look there
        connection.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")


def programs() -> Path | None:
    """The folder of PostgreSQL programs that the tests are told to use."""
    told = os.environ.get("AFTERGLOW_TEST_PG_BIN")
    return Path(told) if told else None


def in_memory() -> Path | None:
    """The machine's file system in memory, where it is large enough for the tests' databases.

    A test's database need not survive a power cut, and our server waits for the disk whatever it is told.
    """
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        return MEMORY
    return None


@contextmanager
def running_cluster(below: Path | None = None, binaries: Path | None = None) -> Iterator[Cluster]:
    """A server in a separate folder, gone afterwards; below /tmp, of the usual programs if nothing else is said."""
    folder = Path(tempfile.mkdtemp(prefix="afterglow-test-", dir=below))
    folder.chmod(0o755)
    supervisor = Supervisor(folder / "data", find_binaries(binaries or programs()))
    try:
        address = supervisor.start()
        make_roles(address.url())
        # A test's database need not survive a power cut, so no commit waits for the disk.
        with psycopg.connect(address.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {APPLICATION_ROLE} SET synchronous_commit = off")
        yield Cluster(address=address, supervisor=supervisor, data_dir=folder / "data")
    finally:
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)
