"""Bringing a database to this version's tables, and back. Always done by the owner, never by the application."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import column, create_engine, func, select, table, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app.foundation.errors import OperatorError

APPLICATION_ROLE: Final = "afterglow_app"
OWNER_ROLE: Final = "afterglow_owner"
DATABASE: Final = "afterglow"
# A migration that cannot get its lock within this gives way to the people who are using the tables.
_TIMEOUTS: Final = "-c lock_timeout=10000 -c statement_timeout=600000 -c timezone=UTC"

_ASKS_AGAIN_SECONDS: Final = 0.2

_COLUMNS: Final = text(
    "SELECT t.oid, a.attnum, n.nspname AS space, t.relname AS name, a.attname FROM pg_class t"
    " JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname IN ('care', 'front_desk')"
    " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " WHERE t.relkind IN ('r', 'p') ORDER BY n.nspname, t.relname, a.attnum"
)
# Migration 0074 leaves it where it gave way to others: ids begin with the time of their birth in milliseconds.
_BOUND: Final = text(
    "SELECT substring(pg_get_constraintdef(oid) FROM '''([0-9a-f-]+)''') FROM pg_constraint"
    " WHERE conname = 'audit_events_before_its_end'"
)
_BOUND_SAID: Final = (
    " From {:%Y-%m-%d} on, the constraint audit_events_before_its_end of care.audit_events, which a migration left,"
    " refuses every line of the audit log, and so every check-in: migrate before that day, or drop it."
)


class SchemaBehindError(OperatorError):
    """The database's tables are not those of this version: run `afterglow migrate`."""


class SchemaNewerError(OperatorError):
    """The database's tables are of a newer version of Afterglow: run that version, or restore an older backup."""


class UnknownRevisionError(OperatorError):
    """There is no such revision: `head` is the newest, `base` is empty, between them are 0001 to {newest}."""

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").format(newest=newest_revision()))


class TablesInUseError(OperatorError):
    """A table that has to change is held by someone for more than ten seconds, such as a report or a backup.

    What was changed before that stays, and nobody was kept waiting longer: run `afterglow migrate` again.
    """


def migrate(owner_url: str, *, application_role: str, to: str = "head") -> None:
    """Upgrade (``head`` or a revision) or downgrade (``base`` or an earlier revision), as the owner.

    Raises:
        SchemaNewerError, UnknownRevisionError: this version knows no way from there, or to there.
        PatientKeysKeptError: going down would remove the keys of patients; nothing was changed.
        TablesInUseError: a table that has to change is held by someone.
    """
    engine = create_engine(_psycopg(owner_url), poolclass=NullPool, connect_args={"options": _TIMEOUTS})
    try:
        with engine.connect() as connection:
            # One migration at a time, whoever starts first, and the other waits for all of it: this lock
            # keeps nobody from the tables. The number only has to be ours. Asked for again and again, because an
            # index that is made while its table is used waits for every statement that waits.
            while not connection.scalar(text("SELECT pg_try_advisory_lock(7032019)")):
                connection.commit()
                time.sleep(_ASKS_AGAIN_SECONDS)
            current = _current(connection)
            connection.commit()
            check_known(current, to)
            if to != "head" or current != newest_revision():
                _run(connection, application_role, to, goes_down=_goes_down(current, to))
    except (OperationalError, psycopg.errors.LockNotAvailable) as error:
        # Files of statements go past SQLAlchemy (`run_sql`), and their errors come as they are.
        if isinstance(getattr(error, "orig", error), psycopg.errors.LockNotAvailable):
            said = " ".join((TablesInUseError.__doc__ or "").split())
            with engine.connect() as connection:
                raise TablesInUseError(said + _bound_said(connection)) from None
        raise
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A table or a column with something in it, that would be gone: its name, and how many rows or values it has."""

    what: str
    number: int
    is_table: bool


def losses(owner_url: str, *, application_role: str, to: str) -> list[Loss]:
    """Say what going down to a revision would lose: it is tried in a transaction that is undone.

    Raises:
        SchemaNewerError, UnknownRevisionError, PatientKeysKeptError: it cannot be done at all.
    """
    engine = create_engine(_psycopg(owner_url), poolclass=NullPool, connect_args={"options": _TIMEOUTS})
    try:
        with engine.connect() as connection:
            current = _current(connection)
            connection.commit()
            check_known(current, to)
            if not _goes_down(current, to):
                return []
            with connection.begin() as trial:
                before = _columns(connection)
                _run(connection, application_role, to, goes_down=True)
                after = _columns(connection)
                trial.rollback()
            return _counted(connection, before, after)
    finally:
        engine.dispose()


def _columns(connection: Connection) -> dict[tuple[int, int], tuple[str, str, str]]:
    """List schema, table and column by what PostgreSQL numbers them: a new name loses nothing."""
    return {(row.oid, row.attnum): (row.space, row.name, row.attname) for row in connection.execute(_COLUMNS)}


def _counted(
    connection: Connection,
    before: Mapping[tuple[int, int], tuple[str, str, str]],
    after: Mapping[tuple[int, int], tuple[str, str, str]],
) -> list[Loss]:
    left, named, found = {oid for oid, _ in after}, {place[:2] for place in after.values()}, {}
    for (oid, number), (space, name, attribute) in before.items():
        if oid not in left and (space, name) in named:
            continue  # its rows went back into the table that had this name before
        if oid not in left:
            found[f"{space}.{name}"] = select(func.count()).select_from(table(name, schema=space))
        elif (oid, number) not in after:
            counted = select(func.count(column(attribute))).select_from(table(name, schema=space))
            found[f"{space}.{name}.{attribute}"] = counted
    counts = {what: int(connection.execute(question).scalar_one()) for what, question in found.items()}
    return [
        Loss(what=what, number=number, is_table=what.count(".") == 1)
        for what, number in counts.items()
        if number
    ]


def check_known(current: str | None, to: str = "head") -> None:
    """Make sure that this version knows the tables that are there, and those that are wanted.

    Raises:
        SchemaNewerError, UnknownRevisionError: it does not.
    """
    if current is not None and current not in _revisions():
        raise SchemaNewerError(SchemaNewerError.__doc__)
    if to not in {"head", "base", *_revisions()}:
        raise UnknownRevisionError


def revision_of(url: str) -> str | None:
    """Name the revision of a database's tables; None: it has none."""
    engine = create_engine(_psycopg(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return _current(connection)
    finally:
        engine.dispose()


def check_schema(url: str) -> None:
    """Make sure that the tables are those of this version.

    Raises:
        SchemaBehindError, SchemaNewerError: they are not.
    """
    engine = create_engine(_psycopg(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            current, bound = _current(connection), _bound_said(connection)
    finally:
        engine.dispose()
    check_known(current)
    if current != newest_revision():
        raise SchemaBehindError(f"{SchemaBehindError.__doc__}{bound}")


def _bound_said(connection: Connection) -> str:
    """Say until when the audit log takes lines, where a migration that was given up left a bound; else nothing."""
    first_beyond = connection.scalar(_BOUND)
    if first_beyond is None:
        return ""
    return _BOUND_SAID.format(datetime.fromtimestamp((UUID(first_beyond).int >> 80) / 1000, UTC))


def newest_revision() -> str:
    """Name the revision of the tables that this version works with."""
    return _revisions()[-1]


def make_roles(superuser_url: str) -> None:
    """Make the owner, the application role and the database in an embedded cluster; once made, nothing more.

    The application role owns nothing and cannot bypass row-level security. Roles have no password: only
    who reaches the 0700 socket folder can connect at all.
    """
    engine = create_engine(_psycopg(superuser_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(7032018)"))
            for role in (OWNER_ROLE, APPLICATION_ROLE):
                if not connection.scalar(
                    text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}
                ):
                    connection.execute(
                        text(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
                    )
            if not connection.scalar(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": DATABASE}
            ):
                connection.execute(text(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}"))
            connection.execute(text(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"))
            # Temporary tables are what the write probe of `/health/safety` tries to make.
            connection.execute(text(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION_ROLE}"))
    finally:
        engine.dispose()


def migrations_folder() -> Path:
    """Find the migrations: inside the installed package, or at the top of a checkout."""
    packaged = Path(str(files("app"))) / "_migrations"
    return packaged if packaged.is_dir() else Path(str(files("app"))).parent / "migrations"


def _psycopg(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def _revisions() -> list[str]:
    """List the revisions in their order: one line of files, each named by its revision."""
    return sorted(
        path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*.py")
    )


def _run(connection: Connection, application_role: str, to: str, *, goes_down: bool) -> None:
    # Only here: a command that finds the newest tables, as nearly all do, starts a tenth sooner without it.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["application_role"] = application_role
    config.attributes["goes_down"] = goes_down
    (command.downgrade if goes_down else command.upgrade)(config, to)


def _current(connection: Connection) -> str | None:
    if connection.scalar(text("SELECT to_regclass('public.schema_version')")) is None:
        return None
    current: str | None = connection.scalar(text("SELECT version_num FROM public.schema_version"))
    return current


def _goes_down(current: str | None, to: str) -> bool:
    return current is not None and (to == "base" or (to in _revisions() and to < current))
