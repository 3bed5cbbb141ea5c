"""What a patient wrote and nobody read is due again: it was compared with its own due time, which it has none of.

Revision ID: 0030
Revises: 0029
"""

from pathlib import Path

from app.storage.engine.migration_steps import run_sql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0030_clinics_due.sql")


def downgrade() -> None:
    run_sql(_SQL / "0028_clinics_due.sql")
