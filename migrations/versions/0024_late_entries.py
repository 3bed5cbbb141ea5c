"""Safety events know of late entries, which page nobody, and count further reports.

Revision ID: 0024
Revises: 0023
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0024_tables.sql")


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_safety_events_patient")
    op.execute("ALTER TABLE care.safety_events DROP COLUMN late_entry, DROP COLUMN further_reports")
