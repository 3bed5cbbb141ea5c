"""A clinic names the origins whose scripts may call the patient API; browsers ask before a clinic is known.

Revision ID: 0082
Revises: 0076
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import application_role

revision = "0082"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "browser_origins",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("origin", "clinic_id", name="pk_browser_origins"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_browser_origins_clinic_id"
        ),
        schema="front_desk",
    )
    op.create_index("ix_browser_origins_clinic", "browser_origins", ["clinic_id"], schema="front_desk")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON front_desk.browser_origins TO {application_role()}")


def downgrade() -> None:
    op.drop_table("browser_origins", schema="front_desk")
