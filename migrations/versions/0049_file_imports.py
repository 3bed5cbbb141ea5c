"""An owner imports a clinic's existing patients from files on a page, looks first, and can undo it.

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.storage.engine.migration_steps import isolate

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_imports",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("files_sealed", sa.LargeBinary),
        sa.Column("found", JSONB),
        sa.Column("only_good", sa.Boolean, nullable=False),
        sa.Column("patient_ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_file_imports"),
        sa.ForeignKeyConstraint(["clinic_id"], ["front_desk.clinics.id"], name="fk_file_imports_clinic_id"),
        sa.CheckConstraint(
            "state in ('open', 'checking', 'checked', 'importing', 'imported', 'undoing', 'undone')",
            name="state",
        ),
        schema="care",
    )
    isolate("file_imports")


def downgrade() -> None:
    op.drop_table("file_imports", schema="care")
