"""Sessions are documented with the infusion: how they went, and sealed notes.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("infusions", sa.Column("session", JSONB), schema="care")
    op.add_column("infusions", sa.Column("note_sealed", sa.LargeBinary), schema="care")


def downgrade() -> None:
    op.drop_column("infusions", "note_sealed", schema="care")
    op.drop_column("infusions", "session", schema="care")
