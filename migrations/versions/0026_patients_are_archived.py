"""Patients are archived with a reason; what staff correct about them is kept, and how to reach them.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("archived_at", sa.DateTime(timezone=True)), schema="care")
    op.add_column("patients", sa.Column("archived_reason", sa.Text), schema="care")
    op.add_column("patients", sa.Column("contact_facts_sealed", sa.LargeBinary), schema="care")
    op.execute(
        "ALTER TABLE care.patients ADD CONSTRAINT ck_patients_archived_reason CHECK (archived_reason IN "
        "('care_ended', 'transferred', 'deceased', 'registered_in_error', 'duplicate')), "
        "ADD CONSTRAINT ck_patients_archived CHECK ((archived_at IS NULL) = (archived_reason IS NULL))"
    )
    op.create_table(
        "patient_changes",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("facts_sealed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patient_changes"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_patient_changes_clinic_id_patient_id",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("kind IN ('chart_number', 'archived', 'unarchived')", name="kind"),
        schema="care",
    )
    op.create_index(
        "ix_patient_changes_patient", "patient_changes", ["clinic_id", "patient_id", "at"], schema="care"
    )
    isolate("patient_changes", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("patient_changes", schema="care")
    op.drop_column("patients", "contact_facts_sealed", schema="care")
    op.drop_column("patients", "archived_reason", schema="care")
    op.drop_column("patients", "archived_at", schema="care")
