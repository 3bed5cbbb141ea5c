"""A clinic in test mode may be ahead of the clock: what is due there is asked for by its own time.

Revision ID: 0055
Revises: 0054
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.add_column(
        "clinics",
        sa.Column("ahead_seconds", sa.BigInteger, nullable=False, server_default="0"),
        schema="front_desk",
    )
    run_sql(_SQL / "0055_test_clocks.sql")


def downgrade() -> None:
    run_sql(_SQL / "0055_before.sql")
    op.drop_column("clinics", "ahead_seconds", schema="front_desk")
