"""Validated scales: completed assessments, and the scales that a clinic describes itself.

Revision ID: 0002
Revises: 0001
"""

from pathlib import Path

from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_TABLES = ("custom_scales", "assessments")


def upgrade() -> None:
    name: str = context.config.attributes["application_role"]
    role = op.get_bind().dialect.identifier_preparer.quote(name)
    cursor = op.get_bind().connection.cursor()
    cursor.execute((_SQL / "0002_tables.sql").read_text())
    cursor.close()
    for table in _TABLES:
        # As in 0001: forced security binds the owner too, so the owner has a policy of its own.
        op.execute(f"ALTER TABLE care.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE care.{table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON care.{table} USING "
            "(clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid)"
        )
        op.execute(f"CREATE POLICY owner ON care.{table} TO CURRENT_USER USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT ON care.{table} TO {role}")
    # A scale never changes: totals were judged by it.
    op.execute(f"GRANT UPDATE, DELETE ON care.assessments TO {role}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"DROP TABLE care.{table}")
