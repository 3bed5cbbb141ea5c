"""Events have places in their clinic's stream, and can be pulled.

Revision ID: 0031
Revises: 0030
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, isolate, run_sql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0031_stream_of_events.sql")
    isolate("event_streams", privileges="SELECT, INSERT, UPDATE")
    # An event stays as it was written: only its place is given later, once.
    op.execute(f"GRANT UPDATE (position) ON care.notifications TO {application_role()}")


def downgrade() -> None:
    run_sql(_SQL / "0031_down.sql")
