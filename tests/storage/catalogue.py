"""Reading PostgreSQL's own catalogue: what is really there, not what the code believes."""

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.storage.engine.rows import CARE, FRONT_DESK, JOBS, PARTITIONS

OURS = (CARE, FRONT_DESK, JOBS, PARTITIONS)

# The application adds lines to these and reads them; no bug of ours can rewrite what happened.
APPEND_ONLY = {
    "audit_events",
    "audit_seals",
    "audit_archives",
    "attempts",
    "notifications",
    "custom_scales",
    "clinic_policies",
    "consents",
    "erasures",
    "patient_keys",
    "emergency_accesses",
    "alert_steps",
    "patient_changes",
    "protocol_templates",
    "record_versions",
    "received_texts",
}


def ask(url: str, question: str, **given: object) -> list[dict[str, Any]]:
    """Ask one question; gives the rows by the names of their columns."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return connection.execute(question.encode(), given or None).fetchall()


def count_rows(url: str, tables: Iterable[str], condition: str, **given: object) -> dict[str, int]:
    """Count the rows of each of these tables of care that fulfill a condition, all in one question."""
    each = (
        f"SELECT '{table}' AS name, count(*) AS rows FROM care.{table} t WHERE {condition}"  # noqa: S608 - the catalogue's own names
        for table in tables
    )
    return {row["name"]: row["rows"] for row in ask(url, " UNION ALL ".join(each), **given)}


def execute(url: str, statement: str) -> None:
    """Run one statement that gives nothing back."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def tables_in(url: str, schema: str) -> list[str]:
    """List a schema's tables."""
    found = ask(
        url, "SELECT tablename FROM pg_tables WHERE schemaname = %(schema)s ORDER BY 1", schema=schema
    )
    return [row["tablename"] for row in found]


def objects_outside_the_system(url: str) -> set[str]:
    """Name everything that someone made in this database, with its kind: schemas, tables, types, functions."""
    return {row["name"] for row in ask(url, _EVERYTHING)}


# What belongs to an extension (plpgsql) or to PostgreSQL itself is left out; pg_ and information_schema are its.
_EVERYTHING = """
    SELECT 'schema ' || nspname AS name FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
    UNION
    SELECT 'relation ' || c.relkind::text || ' ' || n.nspname || '.' || c.relname
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION
    SELECT 'type ' || n.nspname || '.' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION
    SELECT 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_arguments(p.oid) || ') '
           || md5(p.prosrc)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION
    SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|information_schema)'
    UNION
    SELECT 'index ' || indexdef FROM pg_indexes
     WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema'
    UNION
    SELECT 'column ' || table_schema || '.' || table_name || '.' || column_name || ' ' || ordinal_position
           || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '-')
      FROM information_schema.columns
     WHERE table_schema !~ '^pg_' AND table_schema <> 'information_schema'
    UNION
    SELECT 'policy ' || schemaname || '.' || tablename || ' ' || policyname || ' ' || roles::text || ' ' || cmd
           || ' ' || qual || ' ' || coalesce(with_check, '-') FROM pg_policies
    UNION
    SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION
    SELECT 'grant ' || coalesce(n.nspname, '') || '.' || c.relname || ' ' || coalesce(c.relacl::text, '-')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION
    SELECT 'grant on schema ' || nspname || ' ' || coalesce(nspacl::text, '-') FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
