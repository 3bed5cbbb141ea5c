"""A delivery knows the trace in which its event was recorded, where traces are kept.

Revision ID: 0064
Revises: 0063
"""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null and without a default: no row is written.
    op.add_column("deliveries", sa.Column("traceparent", sa.Text), schema="care")


def downgrade() -> None:
    op.drop_column("deliveries", "traceparent", schema="care")
