"""An endpoint gets its events in the webhooks' own format or as FHIR's, where each has its number.

Revision ID: 0069
Revises: 0068
"""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "webhook_endpoints",
        sa.Column("format", sa.Text, nullable=False, server_default="standard"),
        schema="care",
    )
    op.add_column(
        "webhook_endpoints",
        sa.Column("numbered", sa.BigInteger, nullable=False, server_default="0"),
        schema="care",
    )
    op.add_column("deliveries", sa.Column("number", sa.BigInteger), schema="care")


def downgrade() -> None:
    op.drop_column("deliveries", "number", schema="care")
    op.drop_column("webhook_endpoints", "numbered", schema="care")
    op.drop_column("webhook_endpoints", "format", schema="care")
