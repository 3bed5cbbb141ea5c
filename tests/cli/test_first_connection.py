"""What keeps a process from its database is named with its remedy, by `afterglow doctor` and at the start."""

import re
import shutil
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError

from app.cli.doctor_findings import Verdict
from app.cli.doctor_machine import misspelled, time_zones
from app.foundation.keyset import read_keyset
from app.foundation.vault import Vault, new_key_text
from app.settings import Settings
from app.storage.engine.binaries import find_binaries
from app.storage.engine.connecting import (
    DatabaseRefusesError,
    check_key,
    check_reachable,
    check_room,
    first_connection,
)
from app.storage.engine.embedded.supervisor import Supervisor
from app.storage.engine.migrating import (
    APPLICATION_ROLE,
    SchemaNewerError,
    UnknownRevisionError,
    check_schema,
    migrate,
)
from app.storage.tenant_keys import install
from tests.cli.command_line import afterglow, afterglow_here
from tests.support.databases import Cluster, DatabaseUrls, programs, running_cluster

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def with_passwords() -> Iterator[Cluster]:
    """A server that asks one role for its password."""
    with running_cluster() as cluster:
        rules = cluster.data_dir / "postgres" / "pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
        with psycopg.connect(cluster.address.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
            connection.execute("SELECT pg_reload_conf()")
        yield cluster


def refused(url: str) -> DatabaseRefusesError:
    with pytest.raises(DatabaseRefusesError) as caught:
        check_reachable(url, direct_url=None)
    return caught.value


def test_a_wrong_password_is_named_and_never_shown(with_passwords: Cluster) -> None:
    plain = with_passwords.address.url("guarded")
    with first_connection(plain.replace("guarded@", "guarded:right@")):
        pass
    error = refused(plain.replace("guarded@", "guarded:wrong-word@"))
    assert error.said == "The database refuses the role guarded with this password."
    assert "wrong-word" not in str(error)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://a:b@nosuch.invalid/x", "The database's host nosuch.invalid is not known here."),
        ("postgresql://a:b@127.0.0.1:1/x", "No database server answers at 127.0.0.1:1."),
        ("postgresql://a@/x?host=/nowhere", "No database server answers at /nowhere:5432."),
    ],
)
def test_an_unknown_host_and_one_where_nobody_listens_are_named(url: str, said: str) -> None:
    assert refused(url).said == said


def test_an_unknown_role_or_database_is_named(with_passwords: Cluster) -> None:
    for url in (with_passwords.address.url("nobody_here"), with_passwords.address.url(database="nothing")):
        assert refused(url).said.startswith("The database server knows no role ")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://a:b@host/x", "begins with mysql://"),
        ("db.example.org:5432", "This is no URL"),
    ],
)
def test_a_url_of_something_else_is_named(url: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(database_url=url, encryption_key=new_key_text())  # type: ignore[arg-type] # checked by pydantic
    ended = afterglow_here("doctor", more={"DATABASE_URL": url, "AFTERGLOW_ENCRYPTION_KEY": new_key_text()})
    assert ended.returncode == 1
    assert ended.stderr.startswith("afterglow: DATABASE_URL: ")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_that_are_wrong_are_named_by_their_variables_a_line_each() -> None:
    where = {"AFTERGLOW_POOL_SIZE": "0", "AFTERGLOW_WORKER_QUEUES": "mail"}
    assert afterglow_here("doctor", more=where).stderr.splitlines() == [
        "afterglow: AFTERGLOW_POOL_SIZE: Input should be greater than or equal to 2",
        "AFTERGLOW_WORKER_QUEUES: There is no queue “mail”; there are deliveries, sweep, jobs, studies.",
    ]
    half = afterglow_here("serve", more={"DATABASE_URL": "postgresql://app@db.example.org/clinic"}).stderr
    assert half.startswith("afterglow: DATABASE_URL is set but AFTERGLOW_ENCRYPTION_KEY is not")


@pytest.fixture
def stranger(own_database: DatabaseUrls) -> Iterator[str]:
    """A role that may connect, and nothing else."""
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN NOSUPERUSER NOBYPASSRLS")
        connection.execute(f"GRANT CONNECT ON DATABASE {connection.info.dbname} TO stranger".encode())
        yield own_database.application_url.replace("afterglow_app", "stranger")
        connection.execute("DROP OWNED BY stranger")
        connection.execute("DROP ROLE stranger")


def test_roles_in_each_others_place_are_refused_before_anything_is_done(
    own_database: DatabaseUrls, stranger: str
) -> None:
    app, owner = own_database.application_url, own_database.owner_url

    def said(command: str, url: str, owner_url: str, **more: str) -> str:
        where = {"DATABASE_URL": url, "AFTERGLOW_OWNER_URL": owner_url} | more
        ended = afterglow_here(command, more=where | {"AFTERGLOW_ENCRYPTION_KEY": new_key_text()})
        assert ended.returncode == 1
        return ended.stderr + ended.stdout

    assert "The role afterglow_owner, which DATABASE_URL names, has the rights of the owner" in said(
        "serve", owner, owner
    )
    assert "nothing would part the clinics" in said("migrate", owner, owner)
    assert "nothing would part the clinics" in said("migrate", app, app)
    assert "has the rights of a superuser" in said("worker", own_database.superuser_url, owner)
    assert "which AFTERGLOW_REPLICA_URL names, has the rights of a superuser" in said(
        "status", app, owner, AFTERGLOW_REPLICA_URL=own_database.superuser_url
    )
    assert "which AFTERGLOW_REPLICA_URL names, has the rights of the owner" in said(
        "doctor", app, owner, AFTERGLOW_REPLICA_URL=owner
    )
    assert "The role stranger does not own this database's tables; afterglow_owner does." in said(
        "doctor", app, stranger
    )
    assert "The tables of this database were made for another role than stranger." in said(
        "status", stranger, owner
    )
    assert "Name that one in DATABASE_URL (afterglow_app)." in said("serve", stranger, owner)
    assert "The database server knows no role afterglow_ap" in said(
        "migrate", app.replace("afterglow_app", "afterglow_ap"), owner
    )
    assert "knows no role afterglow_owner, or no database nothing" in said(
        "migrate", app, re.sub("@/[a-z0-9_]+", "@/nothing", owner)
    )


def test_an_address_where_something_listens_already_is_named(own_database: DatabaseUrls) -> None:
    where = {"DATABASE_URL": own_database.application_url, "AFTERGLOW_ENCRYPTION_KEY": new_key_text()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in ("serve", "dev"):
            ended = afterglow_here(command, "--port", str(port), more=where)
            assert ended.returncode == 1
            assert f"Nothing can listen at 127.0.0.1:{port} (Address already in use)" in ended.stderr
            assert "answers at" not in ended.stderr


@pytest.mark.parametrize("name", ["direct_url", "replica_url", "owner_url"])
def test_half_of_the_settings_of_a_database_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"AFTERGLOW_{name.upper()} is set but DATABASE_URL is not"):
        Settings.model_validate({name: "postgresql://app@db.example.org/clinic"})


def test_a_misspelled_setting_is_named_with_the_one_that_is_meant() -> None:
    (found,) = misspelled({"AFTERGLOW_METRIC_PORT": "9464", "AFTERGLOW_HOST": "::", "PATH": "/bin"})
    assert (found.verdict, found.found) == (Verdict.WRONG, "There is no setting AFTERGLOW_METRIC_PORT.")
    assert found.fix == "Is AFTERGLOW_METRICS_PORT meant?"
    (found,) = misspelled({"AFTERGLOW_DATABASE_URL": "x"})
    assert "There is no setting AFTERGLOW_DATABASE_URL." in found.found


def test_rules_of_time_zones_that_are_years_old_are_pointed_out() -> None:
    assert time_zones("2024b", today=date(2026, 1, 1)).verdict is Verdict.UNUSUAL
    assert time_zones("2025b", today=date(2026, 12, 31)).verdict is Verdict.GOOD


def test_another_key_than_the_databases_is_refused_before_any_work(own_database: DatabaseUrls) -> None:
    right, other = new_key_text(), new_key_text()
    keys = {text: Vault(read_keyset(text)).tenant_key for text in (right, other)}
    # Without a key in the database there is nothing to compare with.
    check_key(own_database.application_url, keys[other])
    install(own_database.owner_url, keys[right])
    check_key(own_database.application_url, keys[right])
    with pytest.raises(DatabaseRefusesError, match="not the one that this database was set up with"):
        check_key(own_database.application_url, keys[other])

    where = {"DATABASE_URL": own_database.application_url, "AFTERGLOW_ENCRYPTION_KEY": other}
    ended = afterglow("worker", more=where)
    assert ended.returncode == 1
    assert "The encryption key is not the one" in ended.stderr
    assert "takes no proof of which clinic a transaction is of" in afterglow_here("doctor", more=where).stdout


def test_tables_of_a_newer_version_are_named_as_newer(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as database:
        with psycopg.connect(database.owner_url) as connection:
            connection.execute("UPDATE public.schema_version SET version_num = '9999'")
        with pytest.raises(SchemaNewerError, match="of a newer version"):
            check_schema(database.application_url)
        with pytest.raises(SchemaNewerError, match="of a newer version"):
            migrate(database.owner_url, application_role=APPLICATION_ROLE)
        where = {
            "DATABASE_URL": database.application_url,
            "AFTERGLOW_OWNER_URL": database.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": new_key_text(),
        }
        ended = afterglow_here("upgrade", "--backup-to", str(tmp_path / "backups"), more=where)
        assert ended.returncode == 1
        assert "run that version, or restore an older backup" in ended.stderr
        assert list(tmp_path.iterdir()) == []


def test_a_revision_that_there_is_not_is_named(own_database: DatabaseUrls) -> None:
    with pytest.raises(UnknownRevisionError, match="There is no such revision"):
        migrate(own_database.owner_url, application_role=APPLICATION_ROLE, to="0999")


def test_processes_that_could_open_more_connections_than_there_are_do_not_begin(
    own_database: DatabaseUrls,
) -> None:
    check_room(own_database.application_url, needed=90)
    with pytest.raises(DatabaseRefusesError, match="may open 500 connections, and the database takes 9"):
        check_room(own_database.application_url, needed=500)


def test_a_replica_given_as_the_primary_is_named(tmp_path: Path) -> None:
    assert tmp_path.exists()
    with running_cluster() as primary:
        primary.supervisor.stop()
        copy = primary.data_dir.with_name("copy")
        shutil.copytree(primary.data_dir, copy, ignore=shutil.ignore_patterns("run"))
        for source in (primary.data_dir, *primary.data_dir.rglob("*")):
            target = copy / source.relative_to(primary.data_dir)
            if target.exists():
                shutil.chown(target, source.stat().st_uid, source.stat().st_gid)
        signal = copy / "postgres" / "standby.signal"
        signal.touch()
        shutil.chown(signal, (copy / "postgres").stat().st_uid)
        replica = Supervisor(copy, find_binaries(programs()))
        try:
            error = refused(replica.start().url())
        finally:
            replica.stop()
    assert error.said == "DATABASE_URL leads to a replica, which takes no writes."
