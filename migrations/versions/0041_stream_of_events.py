"""Events have places in their clinic's stream, and can be pulled.

Revision ID: 0041
Revises: 0040
"""

from pathlib import Path

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0041_stream_of_events.sql")
    # An event itself stays as it was written: only its place is given later, and taken when it is old.
    isolate("event_places")
    isolate("event_streams", privileges="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    run_sql(_SQL / "0041_down.sql")
