"""Validated scales: completed assessments, and the scales that a clinic describes itself.

Revision ID: 0002
Revises: 0001
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0002_tables.sql")
    # A scale never changes: totals were judged by it.
    isolate("custom_scales", privileges="SELECT, INSERT")
    isolate("assessments")


def downgrade() -> None:
    op.execute("DROP TABLE care.assessments")
    op.execute("DROP TABLE care.custom_scales")
