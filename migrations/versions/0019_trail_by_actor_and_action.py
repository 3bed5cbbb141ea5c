"""The audit trail is searched by who or by what alone without reading all of it.

Revision ID: 0019
Revises: 0018
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0019_tables.sql")


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_audit_events_actor, care.ix_audit_events_action")
