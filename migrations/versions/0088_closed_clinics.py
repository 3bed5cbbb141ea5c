"""When a clinic was closed: from then on its rules count for all of its patients.

Revision ID: 0088
Revises: 0087
"""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clinics", sa.Column("closed_at", sa.DateTime(timezone=True)), schema="front_desk")
    op.execute(
        """
        UPDATE front_desk.clinics c SET closed_at = (
            SELECT max(a.at) FROM care.audit_events a WHERE a.clinic_id = c.id AND a.action = 'clinic.closed'
        ) WHERE c.state = 'closed'
        """
    )


def downgrade() -> None:
    op.drop_column("clinics", "closed_at", schema="front_desk")
