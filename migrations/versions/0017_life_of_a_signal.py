"""A signal's life is kept step by step, and the worklist finds what it shows.

Revision ID: 0017
Revises: 0016
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0017_tables.sql")
    # A step stays as it was taken; an erased patient's go with the patient.
    isolate("signal_steps", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_reminder_plans_overdue")
    op.execute("DROP INDEX care.ix_patient_states_told")
    op.execute("DROP INDEX care.ix_signals_closed")
    op.execute("DROP INDEX care.ix_notifications_patient")
    op.execute("DROP TABLE care.signal_steps")
