"""The course's review and benefit, a booked booster, the taper plan and the patient's factors.

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path

from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    name: str = context.config.attributes["application_role"]
    role = op.get_bind().dialect.identifier_preparer.quote(name)
    cursor = op.get_bind().connection.cursor()
    cursor.execute((_SQL / "0003_tables.sql").read_text())
    cursor.close()
    # As in 0001: forced security binds the owner too, so the owner has a policy of its own.
    op.execute("ALTER TABLE care.care_plans ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE care.care_plans FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON care.care_plans USING "
        "(clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid)"
    )
    op.execute("CREATE POLICY owner ON care.care_plans TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON care.care_plans TO {role}")


def downgrade() -> None:
    op.execute("DROP TABLE care.care_plans")
    op.execute("ALTER TABLE care.patient_states DROP COLUMN booster_booked_for")
    for column in ("version", "benefit_recorded_by", "benefit_recorded_on"):
        op.execute(f"ALTER TABLE care.courses DROP COLUMN {column}")
