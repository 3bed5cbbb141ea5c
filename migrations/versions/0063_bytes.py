"""A check-in writes less: the rule's answer is in its row, and its line of the audit log in two indexes of four.

Revision ID: 0063
Revises: 0061
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, isolate, restore_function, run_sql

revision = "0063"
down_revision = "0061"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_FUNCTION = "care.record_check_ins"


def upgrade() -> None:
    run_sql(_SQL / "0063_bytes.sql")
    _let_application_record()


def downgrade() -> None:
    run_sql(_SQL / "0063_before.sql")
    restore_function(_SQL / "0055_check_in_path.sql", _FUNCTION)
    isolate("evaluations", privileges="SELECT, INSERT")
    _let_application_record()


def _let_application_record() -> None:
    op.execute(f"REVOKE ALL ON FUNCTION {_FUNCTION} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_FUNCTION} TO {application_role()}")
