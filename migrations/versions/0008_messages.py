"""Messages to people, and reminders.

Revision ID: 0008
Revises: 0007
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "outgoing_messages",
    "push_subscriptions",
    "reminder_plans",
    "reminders",
    "days_without_reminders",
)


def upgrade() -> None:
    run_sql(Path(__file__).parents[1] / "sql" / "0008_tables.sql")
    isolate(*_TABLES)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"DROP TABLE care.{table}")
