"""Guesses are counted by account and place, devices used before are known, and staff have passkeys.

Revision ID: 0022
Revises: 0021
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, isolate, run_sql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
# Rows that are only added to, whose sealed cells another key must be able to seal again.
_SEALED_AGAIN = {
    "check_ins": "note_sealed",
    "consents": "reason_sealed",
    "emergency_accesses": "reason_sealed",
    "patient_keys": "wrapped_key",
    "signal_steps": "words_sealed",
}


def upgrade() -> None:
    run_sql(_SQL / "0022_nobody_locks_a_clinic_out.sql")
    isolate("staff_login_attempts", "staff_devices", "staff_passkeys")
    for table, column in _SEALED_AGAIN.items():
        op.execute(f"GRANT UPDATE ({column}) ON care.{table} TO {application_role()}")


def downgrade() -> None:
    for table, column in _SEALED_AGAIN.items():
        op.execute(f"REVOKE UPDATE ({column}) ON care.{table} FROM {application_role()}")
    op.execute("DROP TABLE care.staff_login_attempts, care.staff_devices, care.staff_passkeys")
    op.execute("ALTER TABLE care.staff_members DROP COLUMN lock_notified_at")
    op.execute("ALTER TABLE care.clinic_profiles DROP COLUMN time_zone, DROP COLUMN country")
