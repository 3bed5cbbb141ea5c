"""The rules that no table may break, read from PostgreSQL's catalogue; there is no list of exceptions."""

from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.storage.engine.migrating import APPLICATION_ROLE, OWNER_ROLE
from app.storage.engine.rows import CARE, FRONT_DESK, JOBS
from app.storage.tables import METADATA
from tests.storage.catalogue import APPEND_ONLY, OURS, ask, tables_in
from tests.support.databases import DatabaseUrls

TENANT = "(clinic_id = ( SELECT front_desk.tenant() AS tenant))"


def test_every_table_class_has_its_table_and_every_table_of_a_tenant_its_class(
    shared_database: DatabaseUrls,
) -> None:
    for schema in (CARE, FRONT_DESK):
        declared = {table.name for table in METADATA.tables.values() if table.schema == schema}
        assert set(tables_in(shared_database.owner_url, schema)) == declared


def test_nothing_of_ours_lies_outside_our_schemas(shared_database: DatabaseUrls) -> None:
    elsewhere = ask(
        shared_database.superuser_url,
        """
        SELECT schemaname || '.' || tablename AS name FROM pg_tables
         WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' AND schemaname <> ALL(%(ours)s)
        """,
        ours=list(OURS),
    )
    assert [row["name"] for row in elsewhere] == ["public.schema_version"]


def test_the_clinic_leads_every_primary_key_of_care(shared_database: DatabaseUrls) -> None:
    leaders = ask(
        shared_database.superuser_url,
        """
        SELECT t.relname AS name,
               (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
                 WHERE i.indrelid = t.oid AND i.indisprimary) AS first
          FROM pg_class t WHERE t.relnamespace = 'care'::regnamespace AND t.relkind IN ('r', 'p')
        """,
    )
    assert leaders
    assert {row["name"]: row["first"] for row in leaders if row["first"] != "clinic_id"} == {}


def test_the_clinic_leads_every_index_of_care(shared_database: DatabaseUrls) -> None:
    leaders = ask(
        shared_database.superuser_url,
        """
        SELECT i.indexrelid::regclass::text AS name, a.attname AS first
          FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
          LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
         WHERE t.relnamespace = 'care'::regnamespace
        """,
    )
    assert leaders
    assert {row["name"]: row["first"] for row in leaders if row["first"] != "clinic_id"} == {}


def test_no_foreign_key_of_care_leaves_the_clinic(shared_database: DatabaseUrls) -> None:
    keys = ask(
        shared_database.superuser_url,
        """
        SELECT c.conname AS name, c.confrelid::regclass::text AS target,
               mine.attname AS mine, theirs.attname AS theirs
          FROM pg_constraint c
          JOIN pg_attribute mine ON mine.attrelid = c.conrelid AND mine.attnum = c.conkey[1]
          JOIN pg_attribute theirs ON theirs.attrelid = c.confrelid AND theirs.attnum = c.confkey[1]
         WHERE c.contype = 'f' AND c.connamespace = 'care'::regnamespace
        """,
    )
    assert keys
    for key in keys:
        assert key["mine"] == "clinic_id", key
        # The one table that must be found before the tenant is known is the clinic's own.
        assert (key["target"], key["theirs"]) == ("front_desk.clinics", "id") or (
            key["target"].startswith("care.") and key["theirs"] == "clinic_id"
        ), key


def test_row_level_security_is_on_and_forced_for_every_table_of_care(shared_database: DatabaseUrls) -> None:
    tables = ask(
        shared_database.superuser_url,
        """
        SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class
         WHERE relnamespace = 'care'::regnamespace AND relkind IN ('r', 'p')
        """,
    )
    assert tables
    assert [row["name"] for row in tables if not row["forced"]] == []


def test_every_table_of_care_has_the_tenants_policy_and_the_owners_and_no_other(
    shared_database: DatabaseUrls,
) -> None:
    policies = ask(
        shared_database.superuser_url,
        """
        SELECT tablename AS name, policyname, permissive, roles::text[] AS roles, cmd, qual, with_check
          FROM pg_policies WHERE schemaname = 'care'
        """,
    )
    for table in tables_in(shared_database.owner_url, CARE):
        of_table = {row["policyname"]: row for row in policies if row["name"] == table}
        assert set(of_table) == {"tenant", "owner"}, table
        tenant, owner = of_table["tenant"], of_table["owner"]
        # A policy without WITH CHECK checks what is written by the same condition as what is read.
        assert (tenant["cmd"], tenant["qual"], tenant["with_check"]) == ("ALL", TENANT, None), table
        assert (owner["cmd"], owner["qual"], owner["with_check"]) == ("ALL", "true", "true"), table
        assert owner["roles"] == [OWNER_ROLE], table


def test_a_page_of_what_each_check_in_updates_keeps_room_for_the_next_version(
    shared_database: DatabaseUrls,
) -> None:
    """So an update stays within its page and touches no index; everywhere else rows are added and pages are full."""
    found = ask(
        shared_database.owner_url,
        """
        SELECT c.relname AS name, c.reloptions AS options FROM pg_class c
         WHERE c.relnamespace IN ('care'::regnamespace, 'front_desk'::regnamespace)
           AND array_to_string(c.reloptions, ' ') LIKE '%fillfactor%'
        """,
    )
    assert found == [{"name": "patient_states", "options": ["fillfactor=55"]}]


def test_the_rules_state_stays_in_its_row_and_the_checkpoints_leave_it_first(
    own_database: DatabaseUrls,
) -> None:
    """What lies beside the row is written again beside it with each check-in, on two more pages."""
    with psycopg.connect(own_database.superuser_url) as connection:
        connection.execute("CREATE TABLE kept (LIKE care.patient_states INCLUDING ALL)")
        connection.execute(
            """
            INSERT INTO kept (clinic_id, patient_id, version, sync_sequence, event_sequence, level, announced,
                              packed_state, checkpoints)
            SELECT gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 'steady', '{}', made, to_jsonb(encode(made, 'hex'))
              FROM (SELECT string_agg(uuid_send(gen_random_uuid()), '') AS made FROM generate_series(1, 75)) AS bytes
            """
        )
        found = "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'kept'::regclass"
        (name,) = connection.execute(found).fetchone() or ("",)
        schema, _, table = name.partition(".")
        apart = SQL("SELECT count(DISTINCT chunk_id) FROM {}").format(Identifier(schema, table))
        assert connection.execute(apart).fetchone() == (1,)
        connection.execute("UPDATE kept SET packed_state = packed_state || '\\x00'")
        assert connection.execute(apart).fetchone() == (1,)
        connection.rollback()


def test_what_each_check_in_adds_lies_together_with_what_its_clinic_added_before(
    shared_database: DatabaseUrls,
) -> None:
    """Their primary keys go by clinic and id, which is of its moment: by patient each would be on another page."""
    found = ask(
        shared_database.owner_url,
        """
        SELECT indrelid::regclass::text AS name, pg_get_indexdef(indexrelid, 2, true) AS second FROM pg_index
         WHERE indisprimary AND indrelid IN ('care.check_ins'::regclass, 'care.audit_events'::regclass) ORDER BY 1
        """,
    )
    assert found == [
        {"name": "care.audit_events", "second": "id"},
        {"name": "care.check_ins", "second": "id"},
    ]


def test_the_application_role_owns_nothing_and_cannot_bypass_anything(shared_database: DatabaseUrls) -> None:
    (role,) = ask(
        shared_database.superuser_url,
        """
        SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty, oid,
               (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) AS memberships,
               (SELECT count(*) FROM pg_shdepend d WHERE d.refobjid = r.oid AND d.deptype = 'o') AS owned
          FROM pg_roles r WHERE rolname = %(role)s
        """,
        role=APPLICATION_ROLE,
    )
    assert not role["mighty"]
    assert role["memberships"] == 0
    assert role["owned"] == 0


def test_the_application_role_cannot_create_anything_in_any_schema(shared_database: DatabaseUrls) -> None:
    schemas = ask(
        shared_database.application_url,
        "SELECT nspname FROM pg_namespace WHERE has_schema_privilege(nspname, 'CREATE') AND nspname !~ '^pg_temp'",
    )
    assert schemas == []


@pytest.mark.parametrize("privilege", ["TRUNCATE", "REFERENCES", "TRIGGER"])
def test_the_application_role_cannot_empty_or_tie_a_table(
    shared_database: DatabaseUrls, privilege: str
) -> None:
    # TRUNCATE and foreign keys do not ask row-level security.
    granted = ask(
        shared_database.application_url,
        """
        SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY(%(ours)s) AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, %(privilege)s)
        """,
        ours=list(OURS),
        privilege=privilege,
    )
    assert granted == []


def test_what_happened_can_be_added_to_and_read_but_never_changed(shared_database: DatabaseUrls) -> None:
    rights = ask(
        shared_database.application_url,
        """
        SELECT tablename AS name,
               has_table_privilege('care.' || tablename, 'SELECT')
               AND has_table_privilege('care.' || tablename, 'INSERT') AS may_add,
               has_table_privilege('care.' || tablename, 'DELETE')
               OR has_any_column_privilege('care.' || tablename, 'UPDATE') AS may_change
          FROM pg_tables WHERE schemaname = 'care'
        """,
    )
    assert all(row["may_add"] for row in rights)
    assert {row["name"] for row in rights if not row["may_change"]} == APPEND_ONLY


def test_the_application_role_cannot_change_the_version_of_the_tables(shared_database: DatabaseUrls) -> None:
    (row,) = ask(
        shared_database.application_url,
        """
        SELECT has_table_privilege('public.schema_version', 'SELECT') AS reads,
               has_table_privilege('public.schema_version', 'INSERT')
               OR has_any_column_privilege('public.schema_version', 'UPDATE')
               OR has_table_privilege('public.schema_version', 'DELETE') AS writes
        """,
    )
    assert row == {"reads": True, "writes": False}


_ONE_PLAN = ["plan_cache_mode=force_generic_plan"]
SETTINGS = {
    "care.patient_snapshot": _ONE_PLAN,
    "care.record_check_ins": _ONE_PLAN,
    "care.make_partitions_ahead": ["TimeZone=UTC", "lock_timeout=2s"],
    "care.move_default_lines": ["TimeZone=UTC", "lock_timeout=2s"],
}


def test_few_functions_run_with_their_owners_rights_and_only_the_application_may_call_them(
    shared_database: DatabaseUrls,
) -> None:
    found = ask(
        shared_database.superuser_url,
        """
        SELECT p.oid::regprocedure::text AS name, p.proconfig AS settings, pg_get_userbyid(p.proowner) AS owner,
               has_function_privilege('public', p.oid, 'EXECUTE') AS anybody,
               has_function_privilege(%(role)s, p.oid, 'EXECUTE') AS application
          FROM pg_proc p
         WHERE p.prosecdef AND p.pronamespace::regnamespace::text = ANY(%(ours)s)
        """,
        ours=[*OURS, "public"],
        role=APPLICATION_ROLE,
    )
    by_name = {row.pop("name"): row for row in found}
    paths = {
        "care.erase_patient(uuid)": "pg_catalog, pg_temp",
        # Which clinic a transaction is of; it reads the key by which that is proved.
        "front_desk.tenant()": "pg_catalog, pg_temp",
        # The check-in path's: for one clinic, of which they ask for the proof once instead of at each table.
        "care.patient_snapshot(text,uuid,bytea,uuid,uuid[],timestamp with time zone)": "pg_catalog, pg_temp",
        "care.record_check_ins(text,uuid,uuid,bigint,jsonb,bytea,boolean,text,text[],timestamp with time zone,"
        "timestamp with time zone,text,uuid)": "pg_catalog, pg_temp",
        # What the proven clinic's rule says is too old, and nothing else.
        "care.remove_old(text,integer)": "pg_catalog, pg_temp",
        # It takes nothing, and what it makes follows from the server's clock.
        "care.make_partitions_ahead()": "pg_catalog, pg_temp",
        "care.move_default_lines()": "pg_catalog, pg_temp",
        # A trigger's: it notes which lines come while others are moved. Nobody calls it.
        "partitions.note_line()": "pg_catalog, pg_temp",
        # Those that look over all clinics; they give ids, counts and times, nothing else.
        "care.due_lanes(timestamp with time zone,text[])": "care, pg_catalog, pg_temp",
        "care.clinics_due(timestamp with time zone)": "care, front_desk, pg_catalog, pg_temp",
        "care.safety_pathway(timestamp with time zone)": "care, front_desk, pg_catalog, pg_temp",
        "care.operation_figures(timestamp with time zone)": "care, front_desk, jobs, pg_catalog, pg_temp",
    }
    assert by_name == {
        name: {
            "settings": [f"search_path={path}", *SETTINGS.get(name.partition("(")[0], [])],
            "owner": OWNER_ROLE,
            "anybody": False,
            "application": not name.startswith("partitions."),
        }
        for name, path in paths.items()
    }


def test_the_page_on_security_names_all_that_injected_sql_could_reach_outside_of_a_clinic(
    shared_database: DatabaseUrls,
) -> None:
    said = (Path(__file__).parents[2] / "SECURITY.md").read_text().partition("**What SQL injection could")[2]
    reached = ask(
        shared_database.superuser_url,
        """
        SELECT relname AS name FROM pg_class
         WHERE relkind = 'r' AND relnamespace::regnamespace::text = 'front_desk'
           AND has_any_column_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE')
        UNION ALL
        SELECT proname FROM pg_proc
         WHERE prosecdef AND pronamespace::regnamespace::text = ANY(%(ours)s)
           AND has_function_privilege(%(role)s, oid, 'EXECUTE')
        """,
        ours=[*OURS, "public"],
        role=APPLICATION_ROLE,
    )
    assert reached
    assert [row["name"] for row in reached if f"`{row['name']}`" not in said] == []


def test_no_view_shows_a_tenants_rows_with_its_owners_rights(shared_database: DatabaseUrls) -> None:
    found = ask(
        shared_database.superuser_url,
        "SELECT schemaname || '.' || viewname AS name FROM pg_views WHERE schemaname = ANY(%(ours)s)",
        ours=[CARE, FRONT_DESK, JOBS, "public"],
    )
    assert found == []


def test_what_keeps_the_way_to_citus_open(shared_database: DatabaseUrls) -> None:
    """Beside the clinic in every key: nothing that only one server can count, exclude, or look up elsewhere."""
    only_here = ask(
        shared_database.superuser_url,
        """
        SELECT conrelid::regclass::text || ' ' || conname AS name FROM pg_constraint
         WHERE contype = 'x' AND connamespace = 'care'::regnamespace
        UNION ALL
        SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'S' AND c.relnamespace = 'care'::regnamespace
        UNION ALL
        SELECT attrelid::regclass::text || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
         WHERE attidentity <> '' AND c.relnamespace = 'care'::regnamespace
        UNION ALL
        SELECT conrelid::regclass::text || ' refers to ' || confrelid::regclass::text FROM pg_constraint
         WHERE contype = 'f' AND connamespace = 'care'::regnamespace
           AND confrelid <> 'front_desk.clinics'::regclass
           AND NOT EXISTS (SELECT FROM pg_class r WHERE r.oid = confrelid AND r.relnamespace = 'care'::regnamespace)
        """,
    )
    assert [row["name"] for row in only_here] == []
