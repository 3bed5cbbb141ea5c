"""Notice channels: the care team is told by e-mail and chat too.

Revision ID: 0016
Revises: 0015
"""

from pathlib import Path

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0016_tables.sql")
    isolate("notice_channels")


def downgrade() -> None:
    run_sql(_SQL / "0016_down.sql")
