"""Duplicates are merged into the right patient, and unmerged.

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.storage.engine.migration_steps import isolate

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_BEFORE = "'chart_number', 'archived', 'unarchived'"


def upgrade() -> None:
    op.create_table(
        "patient_merges",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("into_id", sa.Uuid, nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", sa.Uuid),
        sa.Column("content", postgresql.JSONB, nullable=False),
        sa.Column("unmerged_at", sa.DateTime(timezone=True)),
        sa.Column("unmerged_by", sa.Uuid),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patient_merges"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_patient_merges_clinic_id_patient_id",
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "into_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_patient_merges_clinic_id_into_id",
        ),
        schema="care",
    )
    op.create_index(
        "uq_patient_merges_holding",
        "patient_merges",
        ["clinic_id", "patient_id"],
        unique=True,
        schema="care",
        postgresql_where=sa.text("unmerged_at IS NULL"),
    )
    op.create_index("ix_patient_merges_into", "patient_merges", ["clinic_id", "into_id"], schema="care")
    isolate("patient_merges", privileges="SELECT, INSERT, UPDATE")
    _allow_kinds(f"{_BEFORE}, 'merged', 'unmerged'")


def downgrade() -> None:
    op.execute("DELETE FROM care.patient_changes WHERE kind IN ('merged', 'unmerged')")
    _allow_kinds(_BEFORE)
    op.drop_table("patient_merges", schema="care")


def _allow_kinds(kinds: str) -> None:
    op.execute("ALTER TABLE care.patient_changes DROP CONSTRAINT ck_patient_changes_kind")
    op.execute(
        f"ALTER TABLE care.patient_changes ADD CONSTRAINT ck_patient_changes_kind CHECK (kind IN ({kinds}))"
    )
