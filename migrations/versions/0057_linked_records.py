"""Records of ours are linked to those of a connected system, and we have a key to show it.

Revision ID: 0057
Revises: 0056
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("connected_systems", sa.Column("key_sealed", sa.LargeBinary), schema="care")
    op.add_column("connected_systems", sa.Column("read_until", _MOMENT), schema="care")
    op.create_table(
        "linked_records",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("system_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("external_digest", sa.LargeBinary, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("record_id", sa.Uuid, nullable=False),
        sa.Column("changed_at", _MOMENT),
        sa.Column("linked_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "clinic_id", "system_id", "kind", "external_digest", name="pk_linked_records"
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "system_id"],
            ["care.connected_systems.clinic_id", "care.connected_systems.id"],
            name="fk_linked_records_clinic_id_system_id",
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_linked_records_clinic_id_patient_id",
        ),
        sa.CheckConstraint("kind in ('patient', 'infusion', 'appointment')", name="kind"),
        schema="care",
    )
    op.create_index("ix_linked_records_patient", "linked_records", ["clinic_id", "patient_id"], schema="care")
    isolate("linked_records")


def downgrade() -> None:
    op.drop_table("linked_records", schema="care")
    op.drop_column("connected_systems", "read_until", schema="care")
    op.drop_column("connected_systems", "key_sealed", schema="care")
