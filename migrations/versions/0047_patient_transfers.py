"""Patients are transferred to another clinic.

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patient_transfers",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_by", sa.Uuid),
        sa.Column("other_clinic_id", sa.Uuid),
        sa.Column("to_sealed", sa.LargeBinary),
        sa.Column("consent_on", sa.Date),
        sa.Column("consent_form", sa.Text),
        sa.Column("key_sealed", sa.LargeBinary),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("receipt_key", sa.LargeBinary),
        sa.Column("receipt", sa.Text),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patient_transfers"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_patient_transfers_clinic_id_patient_id",
        ),
        sa.CheckConstraint("direction in ('sent', 'received')", name="direction"),
        sa.CheckConstraint("state in ('started', 'confirmed', 'canceled')", name="state"),
        sa.CheckConstraint("direction = 'received' or consent_on is not null", name="consent"),
        schema="care",
    )
    op.create_index(
        "uq_patient_transfers_started",
        "patient_transfers",
        ["clinic_id", "patient_id"],
        unique=True,
        schema="care",
        postgresql_where=sa.text("state = 'started'"),
    )
    isolate("patient_transfers", privileges="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.drop_table("patient_transfers", schema="care")
