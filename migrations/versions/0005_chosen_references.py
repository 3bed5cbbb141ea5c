"""References that clinicians chose, each with its reason.

Revision ID: 0005
Revises: 0004
"""

from pathlib import Path

from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    name: str = context.config.attributes["application_role"]
    role = op.get_bind().dialect.identifier_preparer.quote(name)
    cursor = op.get_bind().connection.cursor()
    cursor.execute((_SQL / "0005_tables.sql").read_text())
    cursor.close()
    # As in 0001: forced security binds the owner too, so the owner has a policy of its own.
    op.execute("ALTER TABLE care.chosen_references ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE care.chosen_references FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON care.chosen_references USING "
        "(clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid)"
    )
    op.execute("CREATE POLICY owner ON care.chosen_references TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON care.chosen_references TO {role}")


def downgrade() -> None:
    op.execute("DROP TABLE care.chosen_references")
