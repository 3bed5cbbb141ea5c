"""What keeps a process from its database is named with its remedy, by `afterglow doctor` and at the start."""

import shutil
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
from app.storage.engine.migrating import SchemaNewerError, check_schema
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
    ended = afterglow("doctor", more={"DATABASE_URL": url, "AFTERGLOW_ENCRYPTION_KEY": new_key_text()})
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


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


def test_tables_of_a_newer_version_are_named_as_newer(cluster: Cluster) -> None:
    with cluster.database() as database:
        with psycopg.connect(database.owner_url) as connection:
            connection.execute("UPDATE public.schema_version SET version_num = '9999'")
        with pytest.raises(SchemaNewerError, match="of a newer version"):
            check_schema(database.application_url)


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
