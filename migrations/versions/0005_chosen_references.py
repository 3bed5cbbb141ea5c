"""References that clinicians chose, each with its reason.

Revision ID: 0005
Revises: 0004
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0005_tables.sql")
    isolate("chosen_references")


def downgrade() -> None:
    op.execute("DROP TABLE care.chosen_references")
