"""A clinic's own numbers, in versions that are never changed: each may have decided.

Revision ID: 0004
Revises: 0003
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0004_tables.sql")
    isolate("clinic_policies", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE care.clinic_policies")
