"""Patients' rights: consent in versions.

Revision ID: 0007
Revises: 0005
"""

from pathlib import Path

from alembic import op

from app.storage.migration_steps import isolate, run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0007_tables.sql")
    # What was answered stays as it was answered.
    isolate("consents", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE care.consents")
    op.execute(
        "ALTER TABLE care.patient_states DROP COLUMN consent_version, DROP COLUMN consent_withdrawn_at"
    )
