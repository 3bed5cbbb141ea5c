"""A clinic tries other numbers over its own past; the last try is kept.

Revision ID: 0018
Revises: 0017
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0018_tables.sql")
    isolate("what_ifs", "what_if_patients")


def downgrade() -> None:
    op.execute("DROP TABLE care.what_if_patients")
    op.execute("DROP TABLE care.what_ifs")
