"""Crisis help goes by the patient's country, and a clinic may put its own lines in the place of ours.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("country", sa.Text), schema="care")
    op.add_column("clinic_profiles", sa.Column("country", sa.Text), schema="care")
    op.add_column(
        "clinic_profiles",
        sa.Column("crisis_lines", postgresql.JSONB, nullable=False, server_default="[]"),
        schema="care",
    )
    op.alter_column("clinic_profiles", "crisis_lines", server_default=None, schema="care")


def downgrade() -> None:
    op.drop_column("clinic_profiles", "crisis_lines", schema="care")
    op.drop_column("clinic_profiles", "country", schema="care")
    op.drop_column("patients", "country", schema="care")
