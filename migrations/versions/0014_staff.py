"""Staff: who they are, how they come in, how long they stay, what they opened in an emergency.

Revision ID: 0014
Revises: 0013
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, isolate, run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0014_tables.sql")
    isolate("staff_members", "staff_invitations", "staff_recovery_codes", "staff_sessions")
    # What was opened in an emergency, and why, stays on record; an erased patient's goes with the patient.
    isolate("emergency_accesses", privileges="SELECT, INSERT")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON front_desk.staff_addresses TO {application_role()}")


def downgrade() -> None:
    op.execute("ALTER TABLE care.audit_events DROP COLUMN emergency_id")
    op.execute("DROP TABLE care.emergency_accesses")
    op.execute("DROP TABLE care.staff_sessions")
    op.execute("DROP TABLE care.staff_recovery_codes")
    op.execute("DROP TABLE care.staff_invitations")
    op.execute("DROP TABLE front_desk.staff_addresses")
    op.execute("DROP TABLE care.staff_members")
    op.execute("UPDATE care.api_keys SET scopes = array_remove(scopes, 'staff')")
