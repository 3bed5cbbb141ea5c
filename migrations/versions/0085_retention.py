"""A clinic lets go of what is old, and places legal holds on what has to stay.

Revision ID: 0085
Revises: 0084
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import (
    application_role,
    index_while_used,
    isolate,
    rewrite_function,
    run_sql,
)

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql" / "0085_retention.sql"
_ERASING = """    UPDATE care.erasure_requests r SET reason_sealed = NULL"""
_UNDER_HOLD = """    IF EXISTS (SELECT FROM care.legal_holds h WHERE h.clinic_id = clinic AND h.lifted_at IS NULL
                  AND (h.patient_id IS NULL OR h.patient_id = erased)) THEN
        RAISE EXCEPTION 'this patient is under a legal hold' USING ERRCODE = 'insufficient_privilege';
    END IF;
"""


def upgrade() -> None:
    # What a notification is removed with is found by it.
    index_while_used("ix_deliveries_notification", "deliveries", ["clinic_id", "notification_id"])
    run_sql(_SQL)
    isolate("retention_rules")
    isolate("legal_holds", privileges="SELECT, INSERT, UPDATE")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.remove_old(TEXT, INTEGER) TO {application_role()}")
    rewrite_function("care.erase_patient", _ERASING, _UNDER_HOLD + _ERASING)


def downgrade() -> None:
    op.execute("DROP INDEX care.ix_deliveries_notification")
    rewrite_function("care.erase_patient", _UNDER_HOLD + _ERASING, _ERASING)
    op.execute("DROP FUNCTION care.remove_old(TEXT, INTEGER)")
    op.drop_table("legal_holds", schema="care")
    op.drop_table("retention_rules", schema="care")
