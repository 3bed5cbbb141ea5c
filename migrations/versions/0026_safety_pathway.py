"""Whether the safety pathway works is asked in one question.

Revision ID: 0026
Revises: 0025
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0026_tables.sql")
    op.execute(
        f"GRANT EXECUTE ON FUNCTION care.safety_pathway(TIMESTAMP WITH TIME ZONE) TO {application_role()}"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION care.safety_pathway(TIMESTAMP WITH TIME ZONE)")
