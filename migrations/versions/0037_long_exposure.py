"""A clinic can ask its patients each month about what long use of ketamine can do.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE care.clinic_profiles ADD COLUMN asks_long_exposure boolean DEFAULT false NOT NULL"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE care.clinic_profiles DROP COLUMN asks_long_exposure")
