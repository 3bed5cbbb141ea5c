"""Answers of the rule are kept in the order of time, so that a chart reads only those of its own days.

The key does it: a further index would cost every check-in. The table is locked while its key is made anew.

Revision ID: 0011
Revises: 0010
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0011_tables.sql")


def downgrade() -> None:
    op.execute("ALTER TABLE care.evaluations DROP CONSTRAINT pk_evaluations")
    op.execute(
        "ALTER TABLE care.evaluations ADD CONSTRAINT pk_evaluations PRIMARY KEY (clinic_id, patient_id, id)"
    )
