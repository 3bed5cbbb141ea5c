"""A clinic's link into its EHR.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clinic_profiles", sa.Column("ehr_link_template", sa.Text), schema="care")


def downgrade() -> None:
    op.drop_column("clinic_profiles", "ehr_link_template", schema="care")
