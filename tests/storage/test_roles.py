"""The two roles, by trying: what PostgreSQL itself refuses, whatever our code would do."""

from uuid import UUID, uuid4

import psycopg
import pytest

from app.storage.engine.migrating import APPLICATION_ROLE, DATABASE, OWNER_ROLE, make_roles
from tests.storage.catalogue import ask
from tests.support.databases import Cluster, DatabaseUrls

MINE, THEIRS = uuid4(), uuid4()


@pytest.fixture(scope="module")
def two_clinics(own_database: DatabaseUrls) -> DatabaseUrls:
    with psycopg.connect(own_database.owner_url) as connection:
        for clinic_id in (MINE, THEIRS):
            connection.execute(
                "INSERT INTO front_desk.clinics (id, state, created_at) VALUES (%s, 'open', now())",
                (clinic_id,),
            )
            connection.execute(
                "INSERT INTO care.clinic_profiles (clinic_id, name, mode, version, crisis_lines)"
                " VALUES (%s, 'C', 'test', 1, '[]')",
                (clinic_id,),
            )
    return own_database


def names(connection: psycopg.Connection) -> list[UUID]:
    return [row[0] for row in connection.execute("SELECT clinic_id FROM care.clinic_profiles").fetchall()]


def as_clinic(connection: psycopg.Connection, clinic_id: UUID | str) -> None:
    connection.execute("SELECT set_config('app.clinic_id', %s, true)", (str(clinic_id),))


def test_a_clinic_sees_its_own_rows_only(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        as_clinic(connection, MINE)
        assert names(connection) == [MINE]


@pytest.mark.parametrize("tenant", [None, ""])
def test_without_a_clinic_nothing_is_seen(two_clinics: DatabaseUrls, tenant: str | None) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        if tenant is not None:
            as_clinic(connection, tenant)
        assert names(connection) == []


def test_a_clinic_cannot_write_a_row_of_another(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        as_clinic(connection, MINE)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)"
                " VALUES (%s, %s, now(), 'system', 'a', 'b', %s)",
                (THEIRS, uuid4(), uuid4()),
            )


def test_a_clinic_cannot_give_its_row_to_another(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        as_clinic(connection, MINE)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("UPDATE care.clinic_profiles SET clinic_id = %s", (THEIRS,))


def test_a_clinic_cannot_change_or_remove_a_row_of_another(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        as_clinic(connection, MINE)
        changed = connection.execute(
            "UPDATE care.clinic_profiles SET name = 'X' WHERE clinic_id = %s", (THEIRS,)
        )
        assert changed.rowcount == 0
        removed = connection.execute("DELETE FROM care.clinic_profiles WHERE clinic_id = %s", (THEIRS,))
        assert removed.rowcount == 0


def test_the_owner_sees_all_rows_or_a_backup_would_be_empty(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.owner_url) as connection:
        assert set(names(connection)) == {MINE, THEIRS}


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER TABLE care.patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE care.patients NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON care.patients",
        "CREATE POLICY all_of_it ON care.patients USING (true)",
        "TRUNCATE care.patients",
        "UPDATE care.audit_events SET action = 'x'",
        "DELETE FROM care.audit_events",
        "UPDATE care.audit_seals SET mac = ''",
        "DELETE FROM care.audit_seals",
        "TRUNCATE care.audit_seals",
        "DELETE FROM care.notifications",
        "UPDATE care.attempts SET http_status = 200",
        "CREATE TABLE public.mine (id int)",
        "CREATE TABLE care.mine (id int)",
        f"SET ROLE {OWNER_ROLE}",
        "UPDATE public.schema_version SET version_num = '0'",
        f"ALTER ROLE {APPLICATION_ROLE} BYPASSRLS",
    ],
)
def test_the_application_role_is_refused(own_database: DatabaseUrls, attempt: str) -> None:
    with (
        psycopg.connect(own_database.application_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(attempt.encode())


def test_turning_row_security_off_gives_an_error_and_no_rows(two_clinics: DatabaseUrls) -> None:
    with psycopg.connect(two_clinics.application_url) as connection:
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            names(connection)


def test_making_the_roles_again_changes_nothing(cluster: Cluster) -> None:
    look = "SELECT * FROM pg_roles WHERE rolname LIKE 'afterglow%' ORDER BY rolname"
    before = ask(cluster.address.url(), look)
    make_roles(cluster.address.url())
    assert ask(cluster.address.url(), look) == before
    assert [row["rolname"] for row in before] == [APPLICATION_ROLE, OWNER_ROLE]


def test_only_the_two_roles_may_use_the_products_database(cluster: Cluster) -> None:
    (row,) = ask(
        cluster.address.url(),
        """
        SELECT pg_get_userbyid(datdba) AS owner,
               has_database_privilege('public', oid, 'CONNECT') AS anybody,
               has_database_privilege(%(role)s, oid, 'CONNECT') AS application,
               has_database_privilege(%(role)s, oid, 'CREATE') AS makes_things,
               has_database_privilege(%(role)s, oid, 'TEMPORARY') AS probes
          FROM pg_database WHERE datname = %(name)s
        """,
        role=APPLICATION_ROLE,
        name=DATABASE,
    )
    assert row == {
        "owner": OWNER_ROLE,
        "anybody": False,
        "application": True,
        "makes_things": False,
        # A temporary table is how the service finds out whether the database takes writes.
        "probes": True,
    }
