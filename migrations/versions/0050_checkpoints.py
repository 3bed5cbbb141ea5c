"""Checkpoints of the rule's memory, so that a change costs what came after it, and not the whole past.

Revision ID: 0050
Revises: 0049
"""

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE care.patient_states ADD COLUMN checkpoints jsonb")


def downgrade() -> None:
    op.execute("ALTER TABLE care.patient_states DROP COLUMN checkpoints")
