"""Whether the safety pathway works is asked in one question.

Revision ID: 0027
Revises: 0026
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0027_safety_pathway.sql")
    op.execute(
        f"GRANT EXECUTE ON FUNCTION care.safety_pathway(TIMESTAMP WITH TIME ZONE) TO {application_role()}"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION care.safety_pathway(TIMESTAMP WITH TIME ZONE)")
