"""Clinics have protocol templates of their own, and a course keeps the one that it was started with.

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.engine.migration_steps import isolate

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protocol_templates",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("infusions", sa.BigInteger, nullable=False),
        sa.Column("interval_days", sa.BigInteger, nullable=False),
        sa.Column("dose_mg_per_kg", sa.Numeric(5, 3)),
        sa.Column("dose_mg", sa.Numeric(7, 2)),
        sa.Column("route", sa.Text),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid),
        sa.PrimaryKeyConstraint("clinic_id", "id", "version", name="pk_protocol_templates"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_protocol_templates_clinic_id"
        ),
        sa.CheckConstraint("infusions between 1 and 20", name="infusions"),
        sa.CheckConstraint("interval_days between 1 and 90", name="interval_days"),
        schema="care",
    )
    isolate("protocol_templates", privileges="SELECT, INSERT")
    op.add_column("courses", sa.Column("template", JSONB), schema="care")


def downgrade() -> None:
    op.drop_column("courses", "template", schema="care")
    op.drop_table("protocol_templates", schema="care")
