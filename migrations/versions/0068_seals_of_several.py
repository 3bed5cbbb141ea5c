"""One seal vouches for all lines of the audit log that are sealed together; those of one line stay as they are.

Going down removes the seals of several: the worker of before seals these lines again, and a head that was kept since
is another one then.

Revision ID: 0068
Revises: 0064
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0068"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_seals", sa.Column("event_ids", ARRAY(sa.Uuid)), schema="care")
    op.add_column("audit_seals", sa.Column("marks", sa.LargeBinary), schema="care")


def downgrade() -> None:
    # A chain is whole up to its first seal of several.
    op.execute("""
        DELETE FROM care.audit_seals s USING (
            SELECT clinic_id, min(sequence) AS sequence FROM care.audit_seals
             WHERE marks IS NOT NULL GROUP BY clinic_id
        ) AS first
         WHERE s.clinic_id = first.clinic_id AND s.sequence >= first.sequence
    """)
    op.drop_column("audit_seals", "marks", schema="care")
    op.drop_column("audit_seals", "event_ids", schema="care")
