"""Under the service: what the application's own database role can see and do, clinic by clinic."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from tests.storage.catalogue import APPEND_ONLY
from tests.support.databases import DatabaseUrls
from tests.support.lively import LivelyClinic, lively_clinic
from tests.support.receiver import running_receiver
from tests.support.service import Service


@dataclass
class Neighbours:
    ours: LivelyClinic
    theirs: LivelyClinic


@pytest.fixture(scope="module")
def neighbours(own_service: Service) -> Iterator[Neighbours]:
    with running_receiver() as receiver:
        both = Neighbours(
            lively_clinic(own_service, receiver, "Ours"), lively_clinic(own_service, receiver, "Theirs")
        )
        yield both
    both.ours.client.close()
    both.theirs.client.close()


@pytest.fixture
def application(own_database: DatabaseUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own_database.application_url, row_factory=tuple_row) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def tables(own_database: DatabaseUrls) -> list[str]:
    with psycopg.connect(own_database.superuser_url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'care' ORDER BY 1")
        return [row[0] for row in found]


def as_clinic(connection: psycopg.Connection, clinic_id: str) -> None:
    connection.execute("SELECT set_config('app.clinic_id', %s, true)", [clinic_id])


def test_every_table_has_rows_of_both_clinics(
    own_database: DatabaseUrls, neighbours: Neighbours, tables: list[str]
) -> None:
    """Else the tests below would say nothing."""
    with psycopg.connect(own_database.superuser_url) as connection:
        for table in tables:
            found = connection.execute(f"SELECT DISTINCT clinic_id::text FROM care.{table}")  # noqa: S608 - the catalogue's own names
            assert {row[0] for row in found} == {
                neighbours.ours.client.clinic_id,
                neighbours.theirs.client.clinic_id,
            }, table


def test_without_a_clinic_no_row_is_seen(
    application: psycopg.Connection, neighbours: Neighbours, tables: list[str]
) -> None:
    assert neighbours.ours.ids
    for setting in (None, ""):
        if setting is not None:
            as_clinic(application, setting)
        for table in tables:
            assert application.execute(f"SELECT count(*) FROM care.{table}").fetchone() == (0,), table  # noqa: S608 - same


def test_a_clinic_sees_its_own_rows_only(
    application: psycopg.Connection, neighbours: Neighbours, tables: list[str]
) -> None:
    as_clinic(application, neighbours.ours.client.clinic_id)
    for table in tables:
        found = application.execute(f"SELECT DISTINCT clinic_id::text FROM care.{table}")  # noqa: S608 - same
        assert [row[0] for row in found] == [neighbours.ours.client.clinic_id], table
        hidden = application.execute(
            f"SELECT count(*) FROM care.{table} WHERE clinic_id = %s",  # noqa: S608 - same
            [neighbours.theirs.client.clinic_id],
        )
        assert hidden.fetchone() == (0,), table


def test_nothing_can_be_written_for_another_clinic(
    own_database: DatabaseUrls, application: psycopg.Connection, neighbours: Neighbours, tables: list[str]
) -> None:
    with psycopg.connect(own_database.superuser_url) as connection:
        rows = {
            table: connection.execute(
                f"SELECT to_jsonb(t) FROM care.{table} t WHERE clinic_id = %s LIMIT 1",  # noqa: S608 - same
                [neighbours.theirs.client.clinic_id],
            ).fetchone()
            for table in tables
        }
    for clinic in (neighbours.ours.client.clinic_id, ""):
        for table, row in rows.items():
            assert row is not None
            as_clinic(application, clinic)
            with pytest.raises(InsufficientPrivilege):
                application.execute(
                    f"INSERT INTO care.{table} SELECT * FROM jsonb_populate_record(NULL::care.{table}, %s)",  # noqa: S608 - same
                    [Jsonb(row[0])],
                )
            application.rollback()


def test_no_row_can_be_moved_to_another_clinic_or_taken_from_it(
    application: psycopg.Connection, neighbours: Neighbours, tables: list[str]
) -> None:
    theirs = neighbours.theirs.client.clinic_id
    for table in tables:
        as_clinic(application, neighbours.ours.client.clinic_id)
        with pytest.raises(InsufficientPrivilege):
            application.execute(f"UPDATE care.{table} SET clinic_id = %s", [theirs])  # noqa: S608 - same
        application.rollback()
        as_clinic(application, neighbours.ours.client.clinic_id)
        with suppress(InsufficientPrivilege):  # some tables allow no removal at all
            taken = application.execute(f"DELETE FROM care.{table} WHERE clinic_id = %s", [theirs])  # noqa: S608 - same
            assert taken.rowcount == 0
        application.rollback()


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE care.{} SET clinic_id = clinic_id",
        "DELETE FROM care.{}",
        "TRUNCATE care.{}",
        "DROP TABLE care.{}",
    ],
)
def test_what_happened_cannot_be_changed(
    application: psycopg.Connection, neighbours: Neighbours, table: str, change: str
) -> None:
    as_clinic(application, neighbours.ours.client.clinic_id)

    with pytest.raises(InsufficientPrivilege):
        application.execute(change.format(table).encode())


@pytest.mark.parametrize(
    "way_around",
    [
        "SET ROLE afterglow_owner",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER TABLE care.patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE care.patients NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON care.patients USING (true)",
        "ALTER ROLE afterglow_app BYPASSRLS",
        "CREATE TABLE care.copy AS SELECT 1",
        "COPY care.patients TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_there_is_no_way_around_it(application: psycopg.Connection, way_around: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(way_around.encode())


def test_switching_row_security_off_shows_an_error_instead_of_rows(
    application: psycopg.Connection, tables: list[str]
) -> None:
    for table in tables:
        application.execute("SET LOCAL row_security = off")
        with pytest.raises(InsufficientPrivilege):
            application.execute(f"SELECT * FROM care.{table}")  # noqa: S608 - same
        application.rollback()
