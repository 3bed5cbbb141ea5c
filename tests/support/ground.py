"""A real PostgreSQL for the tests: the wheel's, or Debian's where AFTERGLOW_TEST_PG_BIN names its folder."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app.storage.engine.binaries import find_binaries
from app.storage.engine.embedded import Address, Supervisor
from app.storage.engine.migrating import APPLICATION_ROLE, OWNER_ROLE, make_roles, migrate


@dataclass(frozen=True)
class Cluster:
    """A running server with the two roles."""

    address: Address
    supervisor: Supervisor
    data_dir: Path

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator["Place"]:
        """A database of one's own, dropped afterwards."""
        name = f"t_{secrets.token_hex(6)}"
        engine = create_engine(
            make_url(self.address.url()).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}"))
        place = Place(
            application_url=self.address.url(APPLICATION_ROLE, name),
            owner_url=self.address.url(OWNER_ROLE, name),
            superuser_url=self.address.url("postgres", name),
        )
        try:
            if migrated:
                migrate(place.owner_url, application_role=APPLICATION_ROLE)
            yield place
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            engine.dispose()


@dataclass(frozen=True)
class Place:
    """One database, seen by each role."""

    application_url: str
    owner_url: str
    superuser_url: str


def programs() -> Path | None:
    """The folder of PostgreSQL programs that the tests are told to use."""
    told = os.environ.get("AFTERGLOW_TEST_PG_BIN")
    return Path(told) if told else None


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A server in a folder of its own below /tmp, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="afterglow-test-"))
    folder.chmod(0o755)
    supervisor = Supervisor(folder / "data", find_binaries(programs()))
    try:
        address = supervisor.start()
        make_roles(address.url())
        yield Cluster(address=address, supervisor=supervisor, data_dir=folder / "data")
    finally:
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)
