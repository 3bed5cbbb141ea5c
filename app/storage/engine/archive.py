"""Backup into one file and restore from it, by PostgreSQL's own `pg_dump` and `pg_restore`."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.foundation.keyset import Keyset
from app.foundation.sealed_stream import is_sealed, open_stream, seal_stream
from app.storage.engine.binaries import SETTING_NAME, Binaries, LocalDatabaseError

_CONNECT_SECONDS = 10
_PIECE_BYTES: Final = 1 << 20
# Rows the connecting role may not see would be missing from the file without a word: --enable-row-security
# dumps what the policies let through. So every secured table needs a policy that lets this role read all of it.
_PARTLY_HIDDEN = """
    SELECT t.oid::regclass::text
      FROM pg_class t
     WHERE t.relkind IN ('r', 'p') AND t.relrowsecurity AND row_security_active(t.oid)
       AND (NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polpermissive
                           AND p.polcmd IN ('*', 'r') AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                           AND EXISTS (SELECT FROM unnest(p.polroles) AS named (role) WHERE named.role = 0
                                           OR pg_has_role(named.role, 'USAGE')))
            OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND NOT p.polpermissive
                          AND p.polcmd IN ('*', 'r') AND pg_get_expr(p.polqual, p.polrelid) <> 'true'
                          AND EXISTS (SELECT FROM unnest(p.polroles) AS named (role) WHERE named.role = 0
                                          OR pg_has_role(named.role, 'USAGE'))))
     ORDER BY 1
"""
_OWN_OBJECTS = """
    SELECT kind || ' ' || name FROM (
        SELECT 'table' AS kind, c.oid::regclass::text AS name, c.oid, c.relnamespace AS space,
               'pg_class'::regclass AS catalogue
          FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL
        SELECT 'function', p.oid::regproc::text, p.oid, p.pronamespace, 'pg_proc'::regclass FROM pg_proc p
        UNION ALL
        SELECT 'type', t.oid::regtype::text, t.oid, t.typnamespace, 'pg_type'::regclass
          FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND t.typrelid = 0)
        UNION ALL
        SELECT 'schema', n.nspname, n.oid, n.oid, 'pg_namespace'::regclass FROM pg_namespace n
         WHERE n.nspname <> 'public'
    ) AS object
    JOIN pg_namespace n ON n.oid = object.space
   WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = object.catalogue AND d.objid = object.oid
                        AND d.deptype = 'e')
   LIMIT 1
"""
# These have no environment variable in libpq, and an argument would show them to everybody on the machine.
_UNPASSABLE_SECRETS = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
_SQL_MESSAGE_TAIL = re.compile(r"^(DETAIL|CONTEXT|HINT|STATEMENT|Command was|LINE \d+)\b")


class ArchiveError(LocalDatabaseError):
    """The backup or restore could not be done."""


class ServerUnreachableError(ArchiveError):
    """The database could not be reached: {reason}."""


class ServerNewerThanProgramsError(ArchiveError):
    """The server is PostgreSQL {server}, but pg_dump in {folder} is version {programs}, which is older.

    An older pg_dump cannot know everything a newer server holds. Name the folder of version {server} programs
    in {setting}. Nothing was written.
    """


class ServerOlderThanProgramsError(ArchiveError):
    """The server is PostgreSQL {server}, but pg_restore in {folder} is version {programs}, which is newer.

    A newer pg_restore sends settings that an older server does not know. Name the folder of version {server}
    programs in {setting} for backup and restore, or restore into a newer server. Nothing was changed.
    """


class PartlyHiddenError(ArchiveError):
    """The role "{user}" may not see every row of {tables}, so the backup would silently lack some.

    Connect as the role that owns the tables (AFTERGLOW_OWNER_URL). Nothing was written.
    """


class DatabaseNotEmptyError(ArchiveError):
    """The database "{database}" already holds the {found}; a restore only goes into an empty database.

    Create a new database and restore into that. Nothing was changed.
    """


class NoArchiveError(ArchiveError):
    """There is no backup file {source}."""


class SealedArchiveError(ArchiveError):
    """The backup {source} is sealed; the encryption key is needed to read it."""


class SecretNotPassableError(ArchiveError):
    """The connection setting {name} cannot be passed on without showing it to everybody on this machine."""


class ArchiveNotWrittenError(ArchiveError):
    """The backup {target} could not be written: {reason}."""


class DumpFailedError(ArchiveError):
    """pg_dump could not make the backup, and nothing was written; it said: {said}."""


class RestoreFailedError(ArchiveError):
    """pg_restore could not restore {source}, and the database is as empty as before; it said: {said}."""


def backup(conninfo: str, target: Path, binaries: Binaries, keyset: Keyset | None = None) -> None:
    """Write the whole database into one file (custom format, 0600), complete or not at all.

    Roles and their passwords are the server's, not the database's, and are not in it.

    Args:
        conninfo: URL or key=value string of the role that owns the tables. Its password never becomes part
            of a command line.
        target: the file; an existing one is replaced only by a complete new one.
        binaries: programs at least as new as the server. The server's own version is best: what newer ones
            write cannot be restored into a server as old as this one.
        keyset: seals the file on its way to the disk, with the active key; None: it can be read by whoever has it.

    Raises:
        ServerUnreachableError, ServerNewerThanProgramsError, PartlyHiddenError: found before anything is written.
        ArchiveNotWrittenError, DumpFailedError: the folder, or pg_dump, would not.
    """
    with _connection(conninfo) as connection:
        _refuse_newer_server(connection, binaries)
        _refuse_hidden_rows(connection)
    options = ["--format=custom", "--enable-row-security"]
    try:
        with complete_or_absent(target) as unfinished:
            with unfinished.open("wb") as file:
                said = _run(binaries, "pg_dump", options, conninfo, take=lambda out: _keep(out, file, keyset))
            if said is not None:
                raise DumpFailedError(said=said)
    except OSError as error:
        raise ArchiveNotWrittenError(target=target, reason=error.strerror) from error


def _keep(said: IO[bytes], file: IO[bytes], keyset: Keyset | None) -> None:
    if keyset is None:
        shutil.copyfileobj(said, file)
    else:
        seal_stream(iter(lambda: said.read(_PIECE_BYTES), b""), file, keyset)


def restore(conninfo: str, source: Path, binaries: Binaries, keyset: Keyset | None = None) -> None:
    """Restore a backup into an empty database, in one transaction.

    The roles that own or may use the tables must exist on the server.

    Args:
        conninfo: URL or key=value string of the role that shall own the tables.
        source: file made by `backup`.
        binaries: programs of the server's own major version, or older.
        keyset: with the key that sealed the file, if one did. All of it is proved before any of it is restored.

    Raises:
        SealedStreamError: the file was cut short or changed, or another key sealed it; nothing was tried.
        NoArchiveError, ServerUnreachableError, ServerOlderThanProgramsError, DatabaseNotEmptyError: nothing
            was tried.
        RestoreFailedError: pg_restore would not, and its transaction was undone.
    """
    if not source.is_file():
        raise NoArchiveError(source=source)
    with _connection(conninfo) as connection:
        _refuse_older_server(connection, binaries)
        _refuse_content(connection)
    options = ["--single-transaction", "--exit-on-error"]
    with source.open("rb") as file:
        if is_sealed(file):
            if keyset is None:
                raise SealedArchiveError(source=source)
            for _ in open_stream(file, keyset):
                pass
            file.seek(0)
            said = _run(binaries, "pg_restore", options, conninfo, feed=open_stream(file, keyset))
        else:
            said = _run(binaries, "pg_restore", [*options, str(source.absolute())], conninfo)
    if said is not None:
        raise RestoreFailedError(source=source, said=said)


def major_of(conninfo: str) -> int:
    """Give a server's major version, for which programs are best.

    Raises:
        ServerUnreachableError: it does not answer.
    """
    with _connection(conninfo) as connection:
        return _major(connection)


@contextmanager
def _connection(conninfo: str) -> Iterator[psycopg.Connection]:
    try:
        patience = conninfo_to_dict(conninfo).get("connect_timeout", _CONNECT_SECONDS)
        connection = psycopg.connect(make_conninfo(conninfo, connect_timeout=patience), autocommit=True)
    except psycopg.Error as error:
        raise ServerUnreachableError(reason=str(error).strip()) from error
    with connection:
        yield connection


def _major(connection: psycopg.Connection) -> int:
    return connection.info.server_version // 10000


def _refuse_newer_server(connection: psycopg.Connection, binaries: Binaries) -> None:
    if _major(connection) > binaries.major:
        raise ServerNewerThanProgramsError(
            server=_major(connection), programs=binaries.major, folder=binaries.folder, setting=SETTING_NAME
        )


def _refuse_older_server(connection: psycopg.Connection, binaries: Binaries) -> None:
    if _major(connection) < binaries.major:
        raise ServerOlderThanProgramsError(
            server=_major(connection), programs=binaries.major, folder=binaries.folder, setting=SETTING_NAME
        )


def _refuse_hidden_rows(connection: psycopg.Connection) -> None:
    tables = [str(row[0]) for row in connection.execute(_PARTLY_HIDDEN)]
    if tables:
        raise PartlyHiddenError(user=connection.info.user, tables=", ".join(tables))


def _refuse_content(connection: psycopg.Connection) -> None:
    found = connection.execute(_OWN_OBJECTS).fetchone()
    if found is not None:
        raise DatabaseNotEmptyError(database=connection.info.dbname, found=found[0])


def _run(
    binaries: Binaries,
    name: str,
    options: Sequence[str],
    conninfo: str,
    *,
    take: Callable[[IO[bytes]], None] | None = None,
    feed: Iterable[bytes] = (),
) -> str | None:
    """Run pg_dump or pg_restore and give what it complained of, or None when it succeeded.

    ``take`` reads what it writes; ``feed`` is what it reads.
    """
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    for secret in _UNPASSABLE_SECRETS:
        if secret in parts:
            raise SecretNotPassableError(name=secret)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AFTERGLOW_")}
    # Arguments can be read by everybody on the machine, the environment only by the same account.
    if "password" in parts:
        environment["PGPASSWORD"] = parts.pop("password")
    command = [str(binaries.program(name)), "--no-password", f"--dbname={make_conninfo(**parts)}", *options]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(  # noqa: S603 - our own program, no shell
            command,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process:
            try:
                _speak_with(process, take, feed)
            except BaseException:
                process.kill()
                raise
        said.seek(0)
        return None if process.returncode == 0 else _without_values(said.read().decode("utf-8", "replace"))


def _speak_with(
    process: subprocess.Popen[bytes], take: Callable[[IO[bytes]], None] | None, feed: Iterable[bytes]
) -> None:
    if process.stdin is None or process.stdout is None:
        raise AssertionError  # both are pipes
    # It ended early, and says why.
    with suppress(BrokenPipeError):
        for piece in feed:
            process.stdin.write(piece)
    with suppress(BrokenPipeError):
        process.stdin.close()
    if take is not None:
        take(process.stdout)


def _without_values(said: str) -> str:
    """Leave out the lines in which PostgreSQL quotes rows: this text ends on screens and in logs."""
    lines = [line for line in said.splitlines() if not _SQL_MESSAGE_TAIL.match(line)]
    return " | ".join(lines[:4]) or "(nothing)"


@contextmanager
def complete_or_absent(target: Path) -> Iterator[Path]:
    """Give the place (0600) to write a file at; it has its name, durably, once the block is done, or is nowhere."""
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".unfinished", dir=target.absolute().parent
    )
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        _make_durable(unfinished)
        unfinished.replace(target)
        _make_durable(target.absolute().parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
