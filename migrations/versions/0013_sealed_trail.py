"""The audit trail is sealed in order, and can be searched by time.

Revision ID: 0013
Revises: 0012
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0013_tables.sql")
    # A seal stays as it was made, like the event that it is about.
    isolate("audit_seals", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE care.audit_seals")
    op.execute("DROP INDEX care.ix_audit_events_at")
    op.execute("UPDATE care.api_keys SET scopes = array_remove(scopes, 'audit')")
