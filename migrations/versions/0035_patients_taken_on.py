"""A course of a patient who joined in maintenance: when, and the infusions before that.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("courses", sa.Column("taken_on_at", sa.Date(), nullable=True), schema="care")
    op.add_column("courses", sa.Column("earlier_count", sa.BigInteger(), nullable=True), schema="care")
    op.add_column("courses", sa.Column("earlier_last_on", sa.Date(), nullable=True), schema="care")
    op.add_column("courses", sa.Column("earlier_precision", sa.Text(), nullable=True), schema="care")
    op.create_check_constraint(
        op.f("ck_courses_earlier_precision"),
        "courses",
        "earlier_precision in ('day', 'month', 'unknown')",
        schema="care",
    )
    op.add_column(
        "infusions",
        sa.Column("day_only", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        schema="care",
    )


def downgrade() -> None:
    op.drop_column("infusions", "day_only", schema="care")
    op.drop_constraint(op.f("ck_courses_earlier_precision"), "courses", schema="care")
    for name in ("earlier_precision", "earlier_last_on", "earlier_count", "taken_on_at"):
        op.drop_column("courses", name, schema="care")
