"""The audit log by time is read by its primary key, and an index of the few lines whose ids are not of their time.

A patient's lines are indexed without their time, so the key of several lines is stored once.

Revision ID: 0096
Revises: 0095
"""

from typing import Final

from alembic import op

from app.storage.engine.migration_steps import index_log_while_used, join_log_index

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None

_PATIENT: Final = ("ix_audit_events_patient", ["clinic_id", "patient_id"])
_OUT_OF_STEP: Final = ("ix_audit_events_out_of_step", ["clinic_id", "at", "id"])
_CONDITION: Final = (
    "to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) - at"
    " NOT BETWEEN interval '-1 second' AND interval '1 minute'"
)


def upgrade() -> None:
    index_log_while_used(*_PATIENT)
    index_log_while_used(*_OUT_OF_STEP, where=_CONDITION)
    # Whoever has read it and would write into it next would wait in a circle with any weaker lock.
    op.execute("LOCK TABLE care.audit_events IN ACCESS EXCLUSIVE MODE")
    for index in ("ix_audit_events_patient", "ix_audit_events_at"):
        op.execute(f"-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX care.{index}")
    join_log_index(*_PATIENT)
    join_log_index(*_OUT_OF_STEP, where=_CONDITION)


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute("SELECT partitions.forget_copies()")
    op.execute("DROP INDEX care.ix_audit_events_patient, care.ix_audit_events_out_of_step")
    before = op.get_bind().exec_driver_sql("SELECT to_regclass('partitions.audit_events_before') IS NOT NULL")
    # The log as it was before its months has it under its own name: it becomes the whole log again further down.
    places = ["partitions.audit_events_before"] if before.scalar_one() else []
    for place in [*places, "care.audit_events"]:
        op.execute(f"CREATE INDEX ix_audit_events_patient ON {place} (clinic_id, patient_id, at)")
        op.execute(f"CREATE INDEX ix_audit_events_at ON {place} (clinic_id, at, id)")
