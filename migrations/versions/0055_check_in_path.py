"""The two statements of the check-in path are functions, which keep their plans and need no transaction around them.

The rule's memory becomes a few packed bytes, which stay in the row and are never taken apart by the server: as JSON
it was written again beside the table with every report. It is made again from the reports.

Revision ID: 0055
Revises: 0054
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_FUNCTIONS = ("care.patient_snapshot", "care.record_check_ins")


def upgrade() -> None:
    _keep_memory_as(sa.LargeBinary())
    op.execute("ALTER TABLE care.patient_states ALTER COLUMN memory SET STORAGE EXTERNAL")
    op.add_column(
        "patient_states",
        sa.Column("burst", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="care",
    )
    # Room for the next version of a row on its own page: then no index has to be written.
    op.execute("ALTER TABLE care.patient_states SET (fillfactor = 55)")
    run_sql(_SQL / "0055_check_in_path.sql")
    for name in _FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {application_role()}")


def downgrade() -> None:
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.execute("ALTER TABLE care.patient_states RESET (fillfactor)")
    op.drop_column("patient_states", "burst", schema="care")
    _keep_memory_as(JSONB())


def _keep_memory_as(kind: sa.LargeBinary | JSONB) -> None:
    op.drop_column("patient_states", "memory", schema="care")
    op.execute("UPDATE care.patient_states SET checkpoints = NULL WHERE checkpoints IS NOT NULL")
    op.add_column("patient_states", sa.Column("memory", kind), schema="care")
