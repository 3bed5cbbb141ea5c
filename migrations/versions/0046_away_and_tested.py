"""Staff are away or unreachable; endpoints and channels may be one member's; contacts answer a test.

Revision ID: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("webhook_endpoints", "notice_channels"):
        op.add_column(table, sa.Column("care_team", sa.Uuid), schema="care")
    op.add_column("staff_members", sa.Column("away_from", sa.Date), schema="care")
    op.add_column("staff_members", sa.Column("away_until", sa.Date), schema="care")
    op.add_column("staff_members", sa.Column("unreachable_since", sa.DateTime(timezone=True)), schema="care")
    op.create_table(
        "contact_tests",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email_sealed", sa.LargeBinary, nullable=False),
        sa.Column("address_digest", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_contact_tests"),
        sa.ForeignKeyConstraint(["clinic_id"], ["front_desk.clinics.id"], name="fk_contact_tests_clinic_id"),
        sa.UniqueConstraint("clinic_id", "digest", name="uq_contact_tests_clinic_id_digest"),
        schema="care",
    )
    op.create_index(
        "ix_contact_tests_address", "contact_tests", ["clinic_id", "address_digest"], schema="care"
    )
    isolate("contact_tests")


def downgrade() -> None:
    op.drop_table("contact_tests", schema="care")
    for column in ("unreachable_since", "away_until", "away_from"):
        op.drop_column("staff_members", column, schema="care")
    for table in ("notice_channels", "webhook_endpoints"):
        op.drop_column(table, "care_team", schema="care")
