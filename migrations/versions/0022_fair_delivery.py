"""Deliveries and messages go out by lanes: what is due is found in one question, and a hanging endpoint is probed.

Revision ID: 0022
Revises: 0021
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0022_tables.sql")
    role = application_role()
    op.execute(f"GRANT EXECUTE ON FUNCTION care.due_lanes(TIMESTAMP WITH TIME ZONE, TEXT[]) TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE) TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON front_desk.worker_heartbeats TO {role}")


def downgrade() -> None:
    run_sql(_SQL / "0022_down.sql")
