"""A clinic has a logo, which its patients see.

Revision ID: 0061
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0061"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clinic_logos",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", name="pk_clinic_logos"),
        sa.ForeignKeyConstraint(["clinic_id"], ["front_desk.clinics.id"], name="fk_clinic_logos_clinic_id"),
        schema="care",
    )
    isolate("clinic_logos")


def downgrade() -> None:
    op.drop_table("clinic_logos", schema="care")
