"""The first tables: three schemas, row-level security on every tenant's table, the job tables.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import context, op
from sqlalchemy import text

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
    role = _application_role()
    for schema in ("care", "front_desk", "jobs"):
        op.execute(f"CREATE SCHEMA {schema}")
        op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    _run((_SQL / "0001_tables.sql").read_text())
    for table in _tables_of("care"):
        _isolate(table)
        op.execute(f"GRANT SELECT, INSERT ON care.{table} TO {role}")
        if table in _CHANGING_COLUMNS:
            op.execute(f"GRANT UPDATE {_CHANGING_COLUMNS[table]} ON care.{table} TO {role}")
        elif table not in _APPEND_ONLY:
            op.execute(f"GRANT UPDATE, DELETE ON care.{table} TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA front_desk TO {role}")
    _make_job_tables(role)
    op.execute(f"GRANT SELECT ON public.schema_version TO {role}")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ON public.schema_version FROM {_application_role()}")
    for schema in ("jobs", "front_desk", "care"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")


def _isolate(table: str) -> None:
    # Forced security binds the owner too: without a policy of its own a backup would be empty.
    op.execute(f"ALTER TABLE care.{table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE care.{table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON care.{table} USING "
        "(clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid)"
    )
    op.execute(f"CREATE POLICY owner ON care.{table} TO CURRENT_USER USING (true) WITH CHECK (true)")


def _make_job_tables(role: str) -> None:
    # procrastinate's names are unqualified: they are made and found by the search path.
    op.execute("SET LOCAL search_path TO jobs")
    _run((_SQL / "procrastinate_3_10.sql").read_text())
    op.execute("SET LOCAL search_path TO DEFAULT")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO {role}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO {role}")


def _tables_of(schema: str) -> list[str]:
    found = op.get_bind().execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY 1"), {"schema": schema}
    )
    return list(found.scalars())


def _run(script: str) -> None:
    # Past SQLAlchemy, which would take the percent signs in it for parameters.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(script)
    cursor.close()


def _application_role() -> str:
    name: str = context.config.attributes["application_role"]
    return op.get_bind().dialect.identifier_preparer.quote(name)
