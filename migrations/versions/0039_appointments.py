"""Appointments are planned; a booked booster is one of them.

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appointments",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("on", sa.Date, nullable=False),
        sa.Column("at", sa.Time),
        sa.Column("dose_mg_per_kg", sa.Numeric(5, 3)),
        sa.Column("dose_mg", sa.Numeric(7, 2)),
        sa.Column("route", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("infusion_id", sa.Uuid),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_appointments"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_appointments_clinic_id_patient_id",
        ),
        sa.CheckConstraint("kind in ('induction', 'booster', 'visit')", name="kind"),
        sa.CheckConstraint("state in ('planned', 'kept', 'canceled')", name="state"),
        schema="care",
    )
    op.create_index(
        "ix_appointments_patient", "appointments", ["clinic_id", "patient_id", "on"], schema="care"
    )
    op.create_index("ix_appointments_on", "appointments", ["clinic_id", "on"], schema="care")
    isolate("appointments")
    op.execute(
        """
        INSERT INTO care.appointments (clinic_id, id, patient_id, kind, "on", state, version, made_at)
        SELECT clinic_id, gen_random_uuid(), patient_id, 'booster', booster_booked_for, 'planned', 1,
               booster_booked_at
          FROM care.patient_states WHERE booster_booked_for IS NOT NULL
        """
    )


def downgrade() -> None:
    op.drop_table("appointments", schema="care")
