"""Guesses are counted by account and place, devices used before are known, and staff have passkeys.

Revision ID: 0025
Revises: 0024
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0025_nobody_locks_a_clinic_out.sql")
    isolate("staff_login_attempts", "staff_devices", "staff_passkeys")


def downgrade() -> None:
    op.execute("DROP TABLE care.staff_login_attempts, care.staff_devices, care.staff_passkeys")
    op.execute("ALTER TABLE care.staff_members DROP COLUMN lock_notified_at")
    op.execute("ALTER TABLE care.clinic_profiles DROP COLUMN time_zone")
