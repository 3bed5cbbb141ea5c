"""Events have places in their clinic's stream, and can be pulled.

Revision ID: 0039
Revises: 0038
"""

from pathlib import Path

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0039_stream_of_events.sql")
    # An event itself stays as it was written: only its place is given later, and taken when it is old.
    isolate("event_places")
    isolate("event_streams", privileges="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    run_sql(_SQL / "0039_down.sql")
