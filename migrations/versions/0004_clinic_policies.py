"""A clinic's own numbers, in versions that are never changed: each may have decided.

Revision ID: 0004
Revises: 0003
"""

from pathlib import Path

from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    name: str = context.config.attributes["application_role"]
    role = op.get_bind().dialect.identifier_preparer.quote(name)
    cursor = op.get_bind().connection.cursor()
    cursor.execute((_SQL / "0004_tables.sql").read_text())
    cursor.close()
    # As in 0001: forced security binds the owner too, so the owner has a policy of its own.
    op.execute("ALTER TABLE care.clinic_policies ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE care.clinic_policies FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON care.clinic_policies USING "
        "(clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid)"
    )
    op.execute("CREATE POLICY owner ON care.clinic_policies TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT ON care.clinic_policies TO {role}")


def downgrade() -> None:
    op.execute("DROP TABLE care.clinic_policies")
