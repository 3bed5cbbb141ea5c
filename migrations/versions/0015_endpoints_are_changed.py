"""Endpoints are changed, disabled and removed by the clinic; whether safety waits is asked of an index of its own.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE care.webhook_endpoints ADD COLUMN version BIGINT NOT NULL DEFAULT 1")
    op.execute("ALTER TABLE care.webhook_endpoints ALTER COLUMN version DROP DEFAULT")
    _states("'enabled', 'disabled', 'removed'")
    op.execute(
        "CREATE INDEX ix_deliveries_safety_first ON care.deliveries (clinic_id, endpoint_id)"
        " WHERE state = 'pending' AND urgency = 'safety'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_deliveries_safety_first")
    # The release before knows no removal: such an endpoint comes back as a disabled one, and gets nothing.
    op.execute(
        "UPDATE care.webhook_endpoints SET state = 'disabled', disabled_because = 'by_hand' WHERE state = 'removed'"
    )
    _states("'enabled', 'disabled'")
    op.execute("ALTER TABLE care.webhook_endpoints DROP COLUMN version")


def _states(allowed: str) -> None:
    op.execute("ALTER TABLE care.webhook_endpoints DROP CONSTRAINT ck_webhook_endpoints_state")
    op.execute(
        "ALTER TABLE care.webhook_endpoints ADD CONSTRAINT ck_webhook_endpoints_state"
        f" CHECK (state in ({allowed}))"
    )
