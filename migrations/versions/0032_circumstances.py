"""What else changed is kept with its day: factors of the patient's and other therapies.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_BEFORE = "'infusion', 'assessment', 'course', 'check_in', 'chosen_reference'"


def upgrade() -> None:
    op.create_table(
        "circumstances",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("severity", sa.Text),
        sa.Column("months", sa.BigInteger),
        sa.Column("weight_kg", sa.Numeric(5, 2)),
        sa.Column("detail_sealed", sa.LargeBinary),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_circumstances"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_circumstances_clinic_id_patient_id",
        ),
        sa.CheckConstraint("until >= since", name="until"),
        schema="care",
    )
    op.create_index(
        "ix_circumstances_patient", "circumstances", ["clinic_id", "patient_id", "since"], schema="care"
    )
    isolate("circumstances")
    _allow_kinds(f"{_BEFORE}, 'circumstance'")


def downgrade() -> None:
    op.execute("DELETE FROM care.record_versions WHERE kind = 'circumstance'")
    _allow_kinds(_BEFORE)
    op.drop_table("circumstances", schema="care")


def _allow_kinds(kinds: str) -> None:
    op.execute("ALTER TABLE care.record_versions DROP CONSTRAINT ck_record_versions_kind")
    op.execute(
        f"ALTER TABLE care.record_versions ADD CONSTRAINT ck_record_versions_kind CHECK (kind in ({kinds}))"
    )
