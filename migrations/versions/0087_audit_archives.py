"""Months of the audit log that lie in a file are kept in mind: which lines, under which seals, in which file.

Revision ID: 0087
Revises: 0086
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate, refuse_while_months_are_archived

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_archives",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_id", sa.Uuid, nullable=False),
        sa.Column("end_id", sa.Uuid, nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("first_sequence", sa.BigInteger, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_audit_archives"),
        sa.UniqueConstraint("clinic_id", "name", name="uq_audit_archives_clinic_id_name"),
        sa.ForeignKeyConstraint(["clinic_id"], ["front_desk.clinics.id"], name="fk_audit_archives_clinic_id"),
        schema="care",
    )
    isolate("audit_archives", privileges="SELECT, INSERT")


def downgrade() -> None:
    refuse_while_months_are_archived()
    op.drop_table("audit_archives", schema="care")
