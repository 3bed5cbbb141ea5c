"""An urgent message that was given up is found at once: the clinic sees that a contact cannot be reached.

Revision ID: 0053
Revises: 0052
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_outgoing_messages_urgent_failed ON care.outgoing_messages (clinic_id, queued_at)"
        " WHERE state = 'failed' AND urgent"
    )


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_outgoing_messages_urgent_failed")
