"""The way up and down: what the migrations make is what the code believes, and nothing stays behind."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from app.storage.engine import migrating
from app.storage.engine.migrating import (
    APPLICATION_ROLE,
    SchemaBehindError,
    TablesInUseError,
    check_schema,
    migrate,
    migrations_folder,
)
from app.storage.engine.migration_steps import constrain_while_used, index_while_used
from app.storage.engine.rows import CARE, FRONT_DESK, PARTITIONS
from app.storage.tables import METADATA
from tests.storage.catalogue import ask, execute, objects_outside_the_system
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import clinic_client, treated
from tests.support.processes import wait_until
from tests.support.service import NOW, running_service

# Migrations up to this one ran before anybody had rows, or were looked at by eye.
_LAST_UNCHECKED = "0063"
CHECKOUT = Path(__file__).parents[2]
MIGRATE = (
    "import sys; from app.storage.engine.migrating import migrate; "
    "migrate(sys.argv[1], application_role=sys.argv[2])"
)


def test_revisions_are_one_line_and_their_files_are_named_by_them() -> None:
    down_from_the_newest = [one.revision for one in ScriptDirectory(migrations_folder()).walk_revisions()]
    assert down_from_the_newest[::-1] == migrating._revisions()
    assert down_from_the_newest[0] == migrating.newest_revision()


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    with cluster.database(migrated=False) as made:
        yield made


def connected(shared_database: DatabaseUrls) -> Iterator[Connection]:
    engine = create_engine(
        make_url(shared_database.owner_url).set(drivername="postgresql+psycopg"), poolclass=NullPool
    )
    with engine.connect() as connection:
        yield connection


def ours(one: object, name: str | None, kind: str, _reflected: bool, _against: object) -> bool:
    return not (
        kind == "table"
        and name is not None
        and (
            name.startswith(("procrastinate_", "schema_version"))
            or (isinstance(one, Table) and one.schema == PARTITIONS)
        )
    )


def test_the_tables_are_those_that_the_code_believes_in(shared_database: DatabaseUrls) -> None:
    for connection in connected(shared_database):
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "compare_type": True,
                "compare_server_default": True,
                "include_object": ours,
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_the_constraints_on_values_are_those_that_the_code_believes_in(shared_database: DatabaseUrls) -> None:
    # Alembic does not compare these.
    found = ask(
        shared_database.owner_url,
        """
        SELECT connamespace::regnamespace || '.' || conrelid::regclass::text AS place, conname AS name
          FROM pg_constraint WHERE contype = 'c' AND connamespace::regnamespace::text = ANY(%(schemas)s)
        """,
        schemas=[CARE, FRONT_DESK],
    )
    declared = {
        f"ck_{table.name}_{constraint.name}".replace(f"ck_{table.name}_ck_{table.name}", f"ck_{table.name}")
        for table in METADATA.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert {row["name"] for row in found} == declared


def test_a_missing_index_would_be_noticed(empty_database: DatabaseUrls) -> None:
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    execute(empty_database.owner_url, "DROP INDEX care.uq_signals_one_open")
    for connection in connected(empty_database):
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_object": ours}
        )
        (difference,) = compare_metadata(context, METADATA)
        assert difference[0] == "add_index"


def test_down_leaves_nothing_behind_and_up_again_gives_the_same(empty_database: DatabaseUrls) -> None:
    untouched = objects_outside_the_system(empty_database.superuser_url)
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    first = objects_outside_the_system(empty_database.superuser_url)

    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE, to="base")
    left = objects_outside_the_system(empty_database.superuser_url) - untouched
    # Alembic's own table stays, empty: it is what says "nothing is here".
    assert {name for name in left if "schema_version" not in name} == set()
    assert ask(empty_database.owner_url, "SELECT * FROM public.schema_version") == []

    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    assert objects_outside_the_system(empty_database.superuser_url) == first


def test_migrating_what_is_up_to_date_changes_nothing(empty_database: DatabaseUrls) -> None:
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    first = objects_outside_the_system(empty_database.superuser_url)
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    assert objects_outside_the_system(empty_database.superuser_url) == first


@pytest.mark.processes
def test_two_processes_that_migrate_at_once_both_succeed(empty_database: DatabaseUrls) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_database.owner_url, APPLICATION_ROLE],
            cwd=CHECKOUT,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    check_schema(empty_database.application_url)


def test_a_database_that_is_behind_is_refused_by_name(empty_database: DatabaseUrls) -> None:
    with pytest.raises(SchemaBehindError, match="afterglow migrate"):
        check_schema(empty_database.application_url)
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    check_schema(empty_database.application_url)


def test_the_application_role_may_have_any_name(cluster: Cluster, empty_database: DatabaseUrls) -> None:
    role = 'clinic "app"'
    execute(cluster.address.url(), 'CREATE ROLE "clinic ""app""" LOGIN')
    migrate(empty_database.owner_url, application_role=role)
    (row,) = ask(
        empty_database.owner_url,
        "SELECT has_table_privilege(%(role)s, 'care.patients', 'SELECT') AS reads",
        role=role,
    )
    assert row["reads"]
    migrate(empty_database.owner_url, application_role=role, to="base")
    execute(cluster.address.url(), 'DROP ROLE "clinic ""app"""')


@pytest.mark.processes
def test_an_installed_package_carries_its_migrations(tmp_path: Path, empty_database: DatabaseUrls) -> None:
    """Lay the files out as the wheel does, away from the checkout, and migrate from there."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "app", tmp_path / "site" / "app", ignore=without_caches)
    for source, target in included.items():
        shutil.copytree(CHECKOUT / source, tmp_path / "site" / target, ignore=without_caches)

    subprocess.run(
        [sys.executable, "-c", MIGRATE, empty_database.owner_url, APPLICATION_ROLE],
        cwd=tmp_path / "site",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        check=True,
        timeout=60,
    )
    check_schema(empty_database.application_url)


def test_the_checkout_finds_its_own_migrations() -> None:
    assert migrations_folder() == CHECKOUT / "migrations"


def test_an_index_and_a_constraint_are_added_while_others_write(own_database: DatabaseUrls) -> None:
    """As migrations of tables with rows do it; a writer holds the table in between, and both wait for nobody else."""
    engine = create_engine(
        make_url(own_database.owner_url).set(drivername="postgresql+psycopg"), poolclass=NullPool
    )
    execute(
        own_database.owner_url,
        "CREATE TABLE care.written (clinic_id UUID, number INT); INSERT INTO care.written VALUES (NULL, 1)",
    )

    def change() -> None:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
            with Operations.context(context), context.begin_transaction(_per_migration=True):
                index_while_used("ix_written_number", "written", ["clinic_id", "number"], where="number > 0")
                constrain_while_used("ck_written_number", "written", "CHECK (number > 0)")

    with psycopg.connect(own_database.owner_url) as writer, ThreadPoolExecutor() as beside:
        writer.execute("INSERT INTO care.written VALUES (NULL, 2)")
        changing = beside.submit(change)
        assert wait_until(lambda: _waits_for(own_database, "CREATE INDEX CONCURRENTLY%"), 20)
        # Whoever comes now is not kept waiting by it.
        with psycopg.connect(own_database.owner_url, options="-c lock_timeout=1000") as another:
            another.execute("INSERT INTO care.written VALUES (NULL, 3)")
        writer.commit()
        changing.result(30)
    found = ask(
        own_database.owner_url,
        """
        SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = 'care.ix_written_number'::regclass) AS index,
               (SELECT convalidated FROM pg_constraint WHERE conname = 'ck_written_number') AS "check"
        """,
    )
    assert found == [{"index": True, "check": True}]
    # Again, as after one that was broken off.
    execute(own_database.owner_url, "ALTER TABLE care.written DROP CONSTRAINT ck_written_number")
    change()
    execute(own_database.owner_url, "DROP TABLE care.written")


def _waits_for(database: DatabaseUrls, statement: str) -> bool:
    found = ask(
        database.superuser_url,
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%%' || %(statement)s AND wait_event_type = 'Lock'",
        statement=statement,
    )
    return bool(found)


def test_a_migration_gives_way_to_whoever_holds_its_table_and_is_run_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_TIMEOUTS", migrating._TIMEOUTS.replace("10000", "300"))
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0061")
        # Written in a file of SQL, and by SQLAlchemy.
        with psycopg.connect(database.owner_url) as reader:
            reader.execute("SELECT count(*) FROM care.check_ins")
            with pytest.raises(TablesInUseError, match="run `afterglow migrate` again"):
                migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0063")
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0063")
        with psycopg.connect(database.owner_url) as reader:
            reader.execute("SELECT count(*) FROM care.deliveries")
            with pytest.raises(TablesInUseError, match="run `afterglow migrate` again"):
                migrate(database.owner_url, application_role=APPLICATION_ROLE)
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        check_schema(database.application_url)


def test_nobody_who_reads_check_ins_waits_in_a_circle_with_their_migration(cluster: Cluster) -> None:
    with cluster.database() as database, ThreadPoolExecutor(1) as beside:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0090")
        with psycopg.connect(database.owner_url) as reader:
            reader.execute("SELECT count(*) FROM care.patients")
            changing = beside.submit(
                migrate, database.owner_url, application_role=APPLICATION_ROLE, to="0091"
            )
            assert wait_until(lambda: _waits_for(database, "TABLE care.%"), 20)
            assert reader.execute("SELECT count(*) FROM care.check_ins").fetchone() == (0,)
        changing.result(30)


def test_what_writes_every_check_in_once_more_takes_as_long_as_it_takes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0061")
        # Each ALTER TABLE takes longer than a statement may.
        execute(
            database.superuser_url,
            "CREATE FUNCTION public.dawdle() RETURNS event_trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(0.3); END'",
        )
        execute(
            database.superuser_url,
            "CREATE EVENT TRIGGER dawdles ON ddl_command_start WHEN TAG IN ('ALTER TABLE')"
            " EXECUTE FUNCTION public.dawdle()",
        )
        monkeypatch.setattr(migrating, "_TIMEOUTS", migrating._TIMEOUTS.replace("600000", "250"))
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0063")
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0061")


def test_states_and_cautions_are_renamed_where_they_are_kept_and_back(cluster: Cluster) -> None:
    with cluster.database() as database, running_service(database.application_url, work=False) as service:
        clinic = clinic_client(service)
        phone = clinic.enrol(treated(clinic, NOW, days_since=20, level=lambda _: (8, 8, 8)), service.url)
        known = {"cautions": ["mania", "prior_adverse_reaction", "substance_use_disorder"]}
        path = f"/v1/patients/{phone.patient_id}/factors"
        assert clinic.http.put(path, json=known, headers={"if-match": '"0"'}).is_success
        assert phone.check_in(NOW, (8, 8, 8)).is_success
        owner, cautions = database.owner_url, "SELECT content->'cautions' AS found FROM care.care_plans"
        state = "SELECT {0}, checkpoints->0->>'{0}' AS checkpoint FROM care.patient_states"
        checkpoint = (
            """UPDATE care.patient_states SET checkpoints = '[{"packed_state": "AA==", "reports": 1}]'"""
        )
        execute(database.superuser_url, checkpoint)
        (kept,) = ask(owner, state.format("packed_state"))
        assert all(kept.values())

        migrate(owner, application_role=APPLICATION_ROLE, to="0087")
        assert ask(owner, cautions) == [
            {"found": ["mania", "bad_experience_with_ketamine", "substance_misuse"]}
        ]
        (before,) = ask(owner, state.format("memory"))
        assert list(before.values()) == list(kept.values())

        migrate(owner, application_role=APPLICATION_ROLE)
        assert ask(owner, cautions) == [{"found": known["cautions"]}]
        assert ask(owner, state.format("packed_state")) == [kept]
        assert phone.check_in(NOW + timedelta(minutes=1), (7, 7, 7)).is_success
        clinic.close()


def test_a_patient_without_a_state_gets_one_before_check_ins_refer_to_it(cluster: Cluster) -> None:
    """As after the import of an archive that another program wrote."""
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0090")
        execute(
            database.superuser_url,
            """
            WITH clinic AS (
                INSERT INTO front_desk.clinics (id, state, created_at) VALUES (gen_random_uuid(), 'open', now())
                RETURNING id
            ), patient AS (
                INSERT INTO care.patients (clinic_id, id, external_ref_index, external_ref_sealed, time_zone,
                                           time_zone_canonical, locale, mode, registered_at, version)
                SELECT id, gen_random_uuid(), '', '', 'UTC', 'UTC', 'en', 'test', now(), 1 FROM clinic
                RETURNING clinic_id, id
            )
            INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
                                        check_in_day, received_at, late, asks_about_booster, self_harm_thoughts,
                                        input_mode, turn)
            SELECT clinic_id, id, gen_random_uuid(), 5, '', now(), 'UTC', now(), now(), false, false, false,
                   'radio', 4
              FROM patient
            """,
        )
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        found = ask(database.owner_url, "SELECT version, sync_sequence, level FROM care.patient_states")
        assert found == [{"version": 4, "sync_sequence": 5, "level": "no_reference"}]


def test_no_statement_of_a_new_migration_holds_up_those_who_use_its_table(
    cluster: Cluster, tmp_path: Path
) -> None:
    """By squawk; what landed before is not looked at. `.squawk.toml` says which of its rules do not fit."""
    said: list[str] = []

    with cluster.database() as database:
        name = make_url(database.owner_url).database

        def keep(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
            # A service that other tests of this process share makes its statements meanwhile.
            # `index_while_used` has ended the migration's transaction, which squawk assumes around everything.
            outside = re.match(r"CREATE (UNIQUE )?INDEX CONCURRENTLY", statement)
            if connection.engine.url.database == name and outside is None:
                said.append(statement.strip())

        migrate(database.owner_url, application_role=APPLICATION_ROLE, to=_LAST_UNCHECKED)
        event.listen(Engine, "before_cursor_execute", keep)
        try:
            migrate(database.owner_url, application_role=APPLICATION_ROLE)
        finally:
            event.remove(Engine, "before_cursor_execute", keep)
    said = [
        one
        for one in said
        if not one.startswith(("SELECT", "UPDATE public.schema_version", "INSERT INTO public.schema_version"))
    ]
    files = [
        path.read_text()
        for path in sorted((CHECKOUT / "migrations/sql").iterdir())
        if path.name[:4].isdigit() and path.name[:4] > _LAST_UNCHECKED
    ]
    (tmp_path / "migrations.sql").write_text(";\n".join([*said, *files]) + ";\n")
    checked = squawk(tmp_path / "migrations.sql")
    assert checked.returncode == 0, checked.stdout

    (tmp_path / "bad.sql").write_text("CREATE INDEX i ON care.patients (clinic_id);\n")
    assert "require-concurrent-index-creation" in squawk(tmp_path / "bad.sql").stdout


def squawk(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("squawk")
    return subprocess.run(
        [program, "--config", CHECKOUT / ".squawk.toml", file], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "index", ["ix_reminder_plans_sms_number", "ix_deliveries_notification", "ix_check_ins_day_sync"]
)
def test_a_migration_whose_index_was_broken_off_is_run_again(
    empty_database: DatabaseUrls, index: str
) -> None:
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE, to="0082")
    # No index can be made under this name until it is gone.
    execute(empty_database.owner_url, f"CREATE VIEW care.{index} AS SELECT 1")
    with pytest.raises(ProgrammingError, match="is not an index"):
        migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    execute(empty_database.owner_url, f"DROP VIEW care.{index}")
    migrate(empty_database.owner_url, application_role=APPLICATION_ROLE)
    for connection in connected(empty_database):
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_object": ours}
        )
        assert compare_metadata(context, METADATA) == []
