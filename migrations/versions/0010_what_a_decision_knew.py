"""What a decision knew: every input names the patient's turn that wrote it, and a signal the turn that decided.

Revision ID: 0010
Revises: 0005
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0010_tables.sql")
    # As in 0001: of a check-in, only its place in the sync and its end may change.
    op.execute(f"GRANT UPDATE (withdrawn_turn) ON care.check_ins TO {application_role()}")


def downgrade() -> None:
    run_sql(_SQL / "0010_down.sql")
