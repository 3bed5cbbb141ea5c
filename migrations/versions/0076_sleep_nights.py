"""Nights that a patient's phone measured are kept, once the patient has switched their import on.

Revision ID: 0076
Revises: 0074
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0076"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("sleep_import_since", sa.DateTime(timezone=True)), schema="care")
    op.create_table(
        "sleep_nights",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("night", sa.Date, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("asleep_minutes", sa.BigInteger, nullable=False),
        sa.Column("in_bed_minutes", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supersedes", sa.Uuid),
        sa.Column("superseded_by", sa.Uuid),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("clinic_id", "patient_id", "id", name="pk_sleep_nights"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_sleep_nights_clinic_id",
        ),
        sa.CheckConstraint("source in ('healthkit', 'health_connect')", name="source"),
        sa.CheckConstraint("started_at < ended_at", name="span"),
        sa.CheckConstraint("asleep_minutes between 0 and 1440", name="asleep_minutes"),
        sa.CheckConstraint("in_bed_minutes between asleep_minutes and 1440", name="in_bed_minutes"),
        schema="care",
    )
    op.create_index(
        "ix_sleep_nights_night", "sleep_nights", ["clinic_id", "patient_id", "night"], schema="care"
    )
    isolate("sleep_nights")


def downgrade() -> None:
    op.drop_table("sleep_nights", schema="care")
    op.drop_column("patients", "sleep_import_since", schema="care")
