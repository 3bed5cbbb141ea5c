"""A clinic's numbers of a period are found by its days, however long the clinic's past is.

Revision ID: 0012
Revises: 0011
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0012_tables.sql")


def downgrade() -> None:
    op.execute(
        "DROP INDEX care.ix_signals_raised, care.ix_safety_events_received, care.ix_deliveries_not_out"
    )
    op.execute("UPDATE care.api_keys SET scopes = array_remove(scopes, 'insights')")
