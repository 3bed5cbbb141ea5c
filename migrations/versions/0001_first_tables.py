"""The first tables: three schemas, row-level security on every tenant's table, the job tables.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

from app.storage.engine.migration_steps import application_role, isolate, run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
# Of a check-in, only its place in the sync and its end may change; what was told never does.
_CHANGING_COLUMNS = {"check_ins": "(sync_sequence, superseded_by, withdrawn_at)"}
# The application adds to these and reads them; nobody but the owner changes or removes a line.
_APPEND_ONLY = ("audit_events", "attempts", "notifications", "evaluations")


def upgrade() -> None:
    role = application_role()
    for schema in ("care", "front_desk", "jobs"):
        op.execute(f"CREATE SCHEMA {schema}")
        op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    run_sql(_SQL / "0001_tables.sql")
    for table in _tables_of("care"):
        appended = table in _CHANGING_COLUMNS or table in _APPEND_ONLY
        isolate(table, privileges="SELECT, INSERT" if appended else "SELECT, INSERT, UPDATE, DELETE")
    for table, columns in _CHANGING_COLUMNS.items():
        op.execute(f"GRANT UPDATE {columns} ON care.{table} TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA front_desk TO {role}")
    _make_job_tables(role)
    op.execute(f"GRANT SELECT ON public.schema_version TO {role}")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ON public.schema_version FROM {application_role()}")
    for schema in ("jobs", "front_desk", "care"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")


def _make_job_tables(role: str) -> None:
    # procrastinate's names are unqualified: they are made and found by the search path.
    op.execute("SET LOCAL search_path TO jobs")
    run_sql(_SQL / "procrastinate_3_10.sql")
    op.execute("SET LOCAL search_path TO DEFAULT")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO {role}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO {role}")


def _tables_of(schema: str) -> list[str]:
    found = op.get_bind().execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY 1"), {"schema": schema}
    )
    return list(found.scalars())
