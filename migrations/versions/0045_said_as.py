"""A safety event keeps keyed digests of what it was made of, so that what is sent again is known again.

Revision ID: 0045
Revises: 0044
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was sent before is not known any more.
    op.execute("ALTER TABLE care.safety_events ADD COLUMN said_as text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE care.safety_events ALTER COLUMN said_as DROP DEFAULT")


def downgrade() -> None:
    op.execute("ALTER TABLE care.safety_events DROP COLUMN said_as")
