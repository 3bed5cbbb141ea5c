"""Backup and restore: whole or not at all, under forced row-level security, without showing a password."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from app.storage.engine.archive import (
    ArchiveNotWrittenError,
    DatabaseNotEmptyError,
    DumpFailedError,
    NoArchiveError,
    PartlyHiddenError,
    RestoreFailedError,
    SecretNotPassableError,
    ServerNewerThanProgramsError,
    ServerOlderThanProgramsError,
    ServerUnreachableError,
    backup,
    restore,
)
from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded.folders import Address
from app.storage.engine.embedded.supervisor import Supervisor
from tests.storage.embedded_folders import ask, execute, open_folder

pytestmark = pytest.mark.processes

CONTENT = """
    CREATE TABLE sayings (clinic_id int, words text, PRIMARY KEY (clinic_id, words));
    INSERT INTO sayings VALUES (1, 'one'), (2, 'two'), (2, 'tve');
    ALTER TABLE sayings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY whole ON sayings TO owner USING (true) WITH CHECK (true);
    CREATE POLICY own_clinic ON sayings TO application
        USING (clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::int);
    GRANT SELECT ON sayings TO application;
"""
NUMBERS = count()


@pytest.fixture(scope="module")
def server(programs: Binaries) -> Iterator[Address]:
    with open_folder() as folder, Supervisor(folder / "data", programs) as running:
        execute(running.address.conninfo(), "CREATE ROLE owner LOGIN")
        execute(running.address.conninfo(), "CREATE ROLE application LOGIN")
        yield running.address


def new_database(server: Address) -> str:
    name = f"d{next(NUMBERS)}"
    execute(server.conninfo(), f"CREATE DATABASE {name} OWNER owner TEMPLATE template0")
    return name


@pytest.fixture
def filled(server: Address) -> str:
    name = new_database(server)
    execute(server.url("owner", name), CONTENT)
    return name


def test_a_backup_by_the_owner_restores_every_row_and_policy(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    backup(server.url("owner", filled), tmp_path / "b.dump", programs)
    following = new_database(server)
    restore(server.url("owner", following), tmp_path / "b.dump", programs)
    question = "SELECT string_agg(words, ' ' ORDER BY words) FROM sayings"
    assert ask(server.url("owner", following), question) == "one tve two"
    assert ask(server.url("application", following), "SELECT count(*) FROM sayings") == "0"
    forced = "SELECT relforcerowsecurity AND relrowsecurity FROM pg_class WHERE relname = 'sayings'"
    assert ask(server.url("owner", following), forced) == "True"


def test_a_backup_is_for_its_owner_only_and_nothing_lies_beside_it(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    backup(server.conninfo("owner", filled), tmp_path / "b.dump", programs)
    assert [path.name for path in tmp_path.iterdir()] == ["b.dump"]
    assert stat.S_IMODE((tmp_path / "b.dump").stat().st_mode) == 0o600


def test_a_role_that_sees_only_some_rows_may_not_take_a_backup(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    with pytest.raises(PartlyHiddenError, match='"application" may not see every row of sayings'):
        backup(server.url("application", filled), tmp_path / "b.dump", programs)
    execute(server.url("owner", filled), "CREATE POLICY less ON sayings AS RESTRICTIVE USING (clinic_id = 1)")
    with pytest.raises(PartlyHiddenError, match='"owner" may not see every row of sayings'):
        backup(server.url("owner", filled), tmp_path / "b.dump", programs)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_backup_leaves_the_older_one_as_it_was(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    (tmp_path / "b.dump").write_text("older")
    execute(server.conninfo("postgres", filled), "CREATE SCHEMA closed; CREATE TABLE closed.off (number int)")
    with pytest.raises(DumpFailedError, match="permission denied for schema closed"):
        backup(server.url("owner", filled), tmp_path / "b.dump", programs)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("b.dump", "older")]


@pytest.mark.parametrize(
    "content",
    [
        "CREATE TABLE one (number int)",
        "CREATE FUNCTION one() RETURNS int RETURN 1",
        "CREATE TYPE one AS ENUM ('a')",
        "CREATE SCHEMA one",
        "CREATE VIEW one AS SELECT 1",
    ],
)
def test_a_restore_never_goes_into_a_database_with_content(
    server: Address, programs: Binaries, tmp_path: Path, content: str
) -> None:
    (tmp_path / "b.dump").touch()
    target = new_database(server)
    execute(server.conninfo("postgres", target), content)
    with pytest.raises(DatabaseNotEmptyError, match=f'"{target}" already holds the .* one'):
        restore(server.url("owner", target), tmp_path / "b.dump", programs)


def test_an_extension_alone_is_not_content(server: Address, programs: Binaries, tmp_path: Path) -> None:
    source, target = new_database(server), new_database(server)
    backup(server.url("owner", source), tmp_path / "b.dump", programs)
    # Brings its own functions and types, which are the extension's and not someone's data.
    execute(server.conninfo("postgres", target), "CREATE EXTENSION hstore")
    restore(server.url("owner", target), tmp_path / "b.dump", programs)


def test_a_restore_that_fails_half_way_changes_nothing(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    execute(server.url("owner", filled), "CREATE TABLE zzz (number int); GRANT SELECT ON zzz TO application")
    execute(server.conninfo("postgres", filled), "CREATE ROLE leaving; GRANT SELECT ON zzz TO leaving")
    backup(server.url("owner", filled), tmp_path / "b.dump", programs)
    execute(server.conninfo("postgres", filled), "DROP OWNED BY leaving; DROP ROLE leaving")
    following = new_database(server)
    with pytest.raises(RestoreFailedError, match='role "leaving" does not exist'):
        restore(server.url("owner", following), tmp_path / "b.dump", programs)
    assert ask(server.url("owner", following), "SELECT to_regclass('sayings')") == "None"


def test_a_failed_restore_shows_no_values(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    execute(
        server.url("owner", filled),
        "CREATE FUNCTION fine() RETURNS bool IMMUTABLE RETURN true;"
        "CREATE TABLE checked (words text CHECK (fine()));"
        "INSERT INTO checked VALUES ('hopeless');"
        "CREATE OR REPLACE FUNCTION fine() RETURNS bool IMMUTABLE RETURN false",
    )
    backup(server.url("owner", filled), tmp_path / "b.dump", programs)
    with pytest.raises(RestoreFailedError, match="violates check constraint") as failed:
        restore(server.url("owner", new_database(server)), tmp_path / "b.dump", programs)
    assert "hopeless" not in str(failed.value)


def test_a_password_is_passed_by_environment_and_never_in_a_command_line(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    recorder = folder / "pg_dump"
    recorder.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/password\n'
        f'exec {programs.program("pg_dump")} "$@"\n'
    )
    recorder.chmod(0o755)
    url = server.url("owner", filled) + "&password=very%20secret"
    backup(url, tmp_path / "b.dump", replace(programs, folder=folder))
    assert (tmp_path / "password").read_text() == "very secret\n"
    assert "secret" not in (tmp_path / "arguments").read_text()


def test_a_secret_that_only_an_argument_could_carry_is_refused(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    with pytest.raises(SecretNotPassableError, match="sslpassword"):
        backup(server.url("owner", filled) + "&sslpassword=x", tmp_path / "b.dump", programs)


def test_a_server_newer_than_pg_dump_is_named(
    server: Address, filled: str, programs: Binaries, tmp_path: Path
) -> None:
    older = replace(programs, major=programs.major - 1)
    with pytest.raises(ServerNewerThanProgramsError, match=f"PostgreSQL {programs.major}, .* {older.major}"):
        backup(server.url("owner", filled), tmp_path / "b.dump", older)


def test_a_server_older_than_pg_restore_is_named(server: Address, programs: Binaries, tmp_path: Path) -> None:
    (tmp_path / "b.dump").touch()
    newer = replace(programs, major=programs.major + 1)
    with pytest.raises(ServerOlderThanProgramsError, match=f"PostgreSQL {programs.major}, .* {newer.major}"):
        restore(server.url("owner", new_database(server)), tmp_path / "b.dump", newer)


def test_what_is_not_there_is_named(server: Address, programs: Binaries, tmp_path: Path) -> None:
    with pytest.raises(NoArchiveError, match="absent"):
        restore(server.url("owner", "postgres"), tmp_path / "absent", programs)
    with pytest.raises(ArchiveNotWrittenError, match="No such file or directory"):
        backup(server.conninfo(), tmp_path / "absent" / "b.dump", programs)
    with pytest.raises(ServerUnreachableError):
        backup(replace(server, port=1).conninfo(), tmp_path / "b.dump", programs)


def test_a_file_that_is_no_backup_is_refused(server: Address, programs: Binaries, tmp_path: Path) -> None:
    (tmp_path / "b.dump").write_text("no backup at all")
    with pytest.raises(RestoreFailedError, match="archive"):
        restore(server.url("owner", new_database(server)), tmp_path / "b.dump", programs)
