"""A reply to a POST with an Idempotency-Key is kept in the transaction of what it reports; no claim goes before it.

Revision ID: 0052
Revises: 0051
"""

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM care.idempotent_replies WHERE status IS NULL OR reply_sealed IS NULL")
    op.alter_column("idempotent_replies", "claimed_at", new_column_name="kept_at", schema="care")
    for column in ("status", "reply_sealed"):
        op.alter_column("idempotent_replies", column, nullable=False, schema="care")
    op.execute("ALTER INDEX care.ix_idempotent_replies_claimed RENAME TO ix_idempotent_replies_kept")


def downgrade() -> None:
    op.execute("ALTER INDEX care.ix_idempotent_replies_kept RENAME TO ix_idempotent_replies_claimed")
    for column in ("status", "reply_sealed"):
        op.alter_column("idempotent_replies", column, nullable=True, schema="care")
    op.alter_column("idempotent_replies", "kept_at", new_column_name="claimed_at", schema="care")
