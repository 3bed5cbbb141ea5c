"""Patients' rights: consent in versions, a key for each patient, requests to be erased, and the one way to erase.

Revision ID: 0007
Revises: 0006
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import (
    application_role,
    isolate,
    refuse_while_patients_have_keys,
    run_sql,
)

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0007_tables.sql")
    # What was answered stays as it was answered, who was erased stays erased, and no bug can lose a key.
    isolate("consents", "erasures", "patient_keys", privileges="SELECT, INSERT")
    isolate("erasure_requests", privileges="SELECT, INSERT, UPDATE")
    run_sql(_SQL / "0007_erase_patient.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.erase_patient(UUID) TO {application_role()}")


def downgrade() -> None:
    refuse_while_patients_have_keys()
    op.execute("DROP FUNCTION care.erase_patient(UUID)")
    op.execute("DROP TABLE care.erasures, care.erasure_requests, care.patient_keys, care.consents")
    op.execute(
        "ALTER TABLE care.patient_states DROP COLUMN consent_version, DROP COLUMN consent_withdrawn_at"
    )
    op.execute("UPDATE care.api_keys SET scopes = array_remove(scopes, 'rights')")
