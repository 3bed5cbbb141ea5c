"""Courses are known by another system's id; chosen references count their versions.

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("courses", sa.Column("external_id", sa.Text), schema="care")
    op.add_column(
        "courses",
        sa.Column("source", sa.Text, nullable=False, server_default=sa.text("''")),
        schema="care",
    )
    op.create_index(
        "uq_courses_external_id",
        "courses",
        ["clinic_id", "source", "external_id"],
        unique=True,
        schema="care",
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.add_column(
        "chosen_references",
        sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        schema="care",
    )
    # One that was voided and restored has had earlier ones.
    op.execute(
        """
        UPDATE care.chosen_references AS chosen SET version = last.version + 1
        FROM (
            SELECT clinic_id, record_id, max(version) AS version FROM care.record_versions
            WHERE kind = 'chosen_reference' GROUP BY clinic_id, record_id
        ) AS last
        WHERE last.clinic_id = chosen.clinic_id AND last.record_id = chosen.id
        """
    )


def downgrade() -> None:
    op.drop_column("chosen_references", "version", schema="care")
    op.drop_index("uq_courses_external_id", "courses", schema="care")
    op.drop_column("courses", "source", schema="care")
    op.drop_column("courses", "external_id", schema="care")
