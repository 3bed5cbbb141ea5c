"""A safety event names the reports that were counted into it, so that one that is sent again is not counted twice.

Revision ID: 0031
Revises: 0030
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0031_tables.sql")


def downgrade() -> None:
    op.execute("ALTER TABLE care.safety_events ADD COLUMN further_reports bigint NOT NULL DEFAULT 0")
    op.execute("UPDATE care.safety_events SET further_reports = cardinality(further_sources)")
    op.execute("ALTER TABLE care.safety_events ALTER COLUMN further_reports DROP DEFAULT")
    op.execute("ALTER TABLE care.safety_events DROP COLUMN further_sources")
