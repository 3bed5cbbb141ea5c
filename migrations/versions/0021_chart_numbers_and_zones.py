"""Chart numbers are found however they are written; a zone's name of today stands beside the one given.

The column that chart numbers are found by needs the key, so the service fills it for patients who were
registered before (`app/care/patients/sealed_fields.py`); until it has, they are found exactly, as before.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from app.foundation.zones import canonical_zone

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("external_ref_key", sa.LargeBinary), schema="care")
    op.create_unique_constraint(
        "uq_patients_clinic_id_external_ref_key", "patients", ["clinic_id", "external_ref_key"], schema="care"
    )
    op.create_index(
        "ix_patients_without_key",
        "patients",
        ["clinic_id"],
        schema="care",
        postgresql_where=sa.text("external_ref_key IS NULL"),
    )
    op.add_column("patients", sa.Column("time_zone_canonical", sa.Text), schema="care")
    connection = op.get_bind()
    given = connection.execute(sa.text("SELECT DISTINCT time_zone FROM care.patients")).scalars().all()
    for name in given:
        connection.execute(
            sa.text("UPDATE care.patients SET time_zone_canonical = :now WHERE time_zone = :given"),
            {"now": canonical_zone(name), "given": name},
        )
    op.alter_column("patients", "time_zone_canonical", nullable=False, schema="care")


def downgrade() -> None:
    op.drop_column("patients", "time_zone_canonical", schema="care")
    op.drop_index("ix_patients_without_key", table_name="patients", schema="care")
    op.drop_column("patients", "external_ref_key", schema="care")
