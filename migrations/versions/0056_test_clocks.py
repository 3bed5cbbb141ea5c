"""A clinic in test mode may be ahead of the clock: what is due there is asked for by its own time.

Revision ID: 0056
Revises: 0055
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.add_column(
        "clinics",
        sa.Column("ahead_seconds", sa.BigInteger, nullable=False, server_default="0"),
        schema="front_desk",
    )
    run_sql(_SQL / "0056_test_clocks.sql")


def downgrade() -> None:
    run_sql(_SQL / "0056_before.sql")
    op.drop_column("clinics", "ahead_seconds", schema="front_desk")
