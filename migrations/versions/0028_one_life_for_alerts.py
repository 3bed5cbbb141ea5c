"""Signals, safety events and findings share one life: an assignee, a history, a place on the worklist.

Revision ID: 0028
Revises: 0027
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, rewrite_function, run_sql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_SIGNALS = """               OR EXISTS (SELECT FROM signals s
                           WHERE s.clinic_id = c.id AND s.state = 'snoozed' AND s.snoozed_until <= due_at) AS signals,
"""
_FINDINGS = """               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= due_at)
"""


def upgrade() -> None:
    run_sql(_SQL / "0028_tables.sql")
    isolate("findings", privileges="SELECT, INSERT, UPDATE")
    # What a patient wrote and nobody read is due as a signal is.
    rewrite_function("care.clinics_due", _SIGNALS, _FINDINGS + _SIGNALS)


def downgrade() -> None:
    rewrite_function("care.clinics_due", _FINDINGS + _SIGNALS, _SIGNALS)
    op.execute("DROP TABLE care.findings")
    op.execute("ALTER TABLE care.safety_events DROP COLUMN assignee_id")
    op.execute("ALTER TABLE care.signals DROP COLUMN assignee_id")
    op.execute("DROP INDEX care.ix_alert_steps_patient")
    op.execute("DELETE FROM care.alert_steps WHERE alert_kind <> 'signal'")
    for column in ("channel", "assignee_id", "alert_kind"):
        op.execute(f"ALTER TABLE care.alert_steps DROP COLUMN {column}")
    op.execute("ALTER INDEX care.ix_alert_steps_alert RENAME TO ix_signal_steps_signal")
    op.execute(
        "ALTER TABLE care.alert_steps RENAME CONSTRAINT fk_alert_steps_clinic_id_patient_id"
        " TO fk_signal_steps_clinic_id_patient_id"
    )
    op.execute("ALTER TABLE care.alert_steps RENAME CONSTRAINT pk_alert_steps TO pk_signal_steps")
    op.execute("ALTER TABLE care.alert_steps RENAME COLUMN alert_id TO signal_id")
    op.execute("ALTER TABLE care.alert_steps RENAME TO signal_steps")
    op.execute(
        "ALTER TABLE care.signal_steps ADD CONSTRAINT fk_signal_steps_clinic_id_signal_id"
        " FOREIGN KEY (clinic_id, signal_id) REFERENCES care.signals (clinic_id, id)"
    )
