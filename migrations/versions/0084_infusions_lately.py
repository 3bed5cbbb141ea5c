"""Infusions of the last day are found by their time: Today lists whose score of four hours is due.

Revision ID: 0084
Revises: 0083
"""

from alembic import op

from app.storage.engine.migration_steps import index_while_used

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_while_used("ix_infusions_given_at", "infusions", ["clinic_id", "given_at"])


def downgrade() -> None:
    op.drop_index("ix_infusions_given_at", "infusions", schema="care")
