"""An operator sees which processes live, what waits, and when a backup was made.

Revision ID: 0043
Revises: 0042
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql" / "0043_operation.sql"


def upgrade() -> None:
    run_sql(_SQL)
    role = application_role()
    op.execute(f"GRANT EXECUTE ON FUNCTION care.operation_figures(TIMESTAMP WITH TIME ZONE) TO {role}")
    op.execute(f"GRANT SELECT ON front_desk.backups TO {role}")


def downgrade() -> None:
    op.execute("DROP FUNCTION care.operation_figures(TIMESTAMP WITH TIME ZONE)")
    op.execute("DROP TABLE front_desk.backups")
    # The version before takes every heartbeat for a worker's.
    op.execute("DELETE FROM front_desk.process_heartbeats WHERE NOT does @> '{deliveries}'")
    op.execute("ALTER TABLE front_desk.process_heartbeats DROP COLUMN does")
    op.execute("ALTER INDEX front_desk.pk_process_heartbeats RENAME TO pk_worker_heartbeats")
    op.execute("ALTER TABLE front_desk.process_heartbeats RENAME TO worker_heartbeats")
