"""The safety road's clock: a clinic's contacts and limits, and when what nobody acknowledged is escalated.

Revision ID: 0009
Revises: 0008
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_COLUMNS = {
    "clinic_profiles": (
        "safety_contact_sealed",
        "second_contact_sealed",
        "urgent_safety_minutes",
        "safety_minutes",
        "signal_hours",
        "went_live_at",
    ),
    "safety_events": ("escalate_at", "escalated_at", "escalations"),
    "signals": ("escalate_at", "escalated_at"),
    "webhook_endpoints": ("previous_secret_sealed", "previous_secret_until"),
}


def upgrade() -> None:
    run_sql(_SQL / "0009_tables.sql")


def downgrade() -> None:
    for table, columns in _COLUMNS.items():
        op.execute(f"ALTER TABLE care.{table} " + ", ".join(f"DROP COLUMN {column}" for column in columns))
    op.execute("UPDATE care.api_keys SET scopes = array_remove(scopes, 'api_keys')")
