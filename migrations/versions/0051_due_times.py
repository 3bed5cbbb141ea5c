"""What a clock that was ahead put off is due: no delivery, message or escalation waits longer than it ever may.

Revision ID: 0051
Revises: 0050
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_DUE = "care.clinics_due(TIMESTAMP WITH TIME ZONE)"
_PULL_IN = "care.pull_in_due_times(TIMESTAMP WITH TIME ZONE)"


def upgrade() -> None:
    run_sql(_SQL / "0051_due_times.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_DUE}, {_PULL_IN} TO {application_role()}")


def downgrade() -> None:
    run_sql(_SQL / "0051_before.sql")
    run_sql(_SQL / "0030_clinics_due.sql")
    op.execute(f"REVOKE ALL ON FUNCTION {_DUE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_DUE} TO {application_role()}")
