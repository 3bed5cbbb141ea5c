"""The course's review and benefit, a booked booster, the taper plan and the patient's factors.

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0003_tables.sql")
    isolate("care_plans")


def downgrade() -> None:
    op.execute("DROP TABLE care.care_plans")
    op.execute("ALTER TABLE care.patient_states DROP COLUMN booster_booked_for")
    for column in ("version", "benefit_recorded_by", "benefit_recorded_on"):
        op.execute(f"ALTER TABLE care.courses DROP COLUMN {column}")
