"""A check-in takes a patient's latest signal and course from their indexes, and reads neither row.

With a million patients each such row lies on a page of its own, which comes from the disk.

Revision ID: 0095
Revises: 0092
"""

from alembic import op

from app.storage.engine.migration_steps import index_while_used

revision = "0095"
down_revision = "0092"
branch_labels = None
depends_on = None

_SIGNALS = ("signals", ["clinic_id", "patient_id", "raised_at"])
_COURSES = ("courses", ["clinic_id", "patient_id", "started_on"])
_OF_SIGNALS = [
    "id",
    "state",
    "criteria",
    "raised_on",
    "steady_since",
    "snoozed_until",
    "closed_at",
    "disposition",
]


def upgrade() -> None:
    index_while_used("ix_signals_latest", *_SIGNALS, beside=_OF_SIGNALS)
    index_while_used("ix_courses_latest", *_COURSES, beside=["id", "reviewed_on"])
    _drop("ix_signals_patient", "ix_courses_patient")


def downgrade() -> None:
    # In one transaction: what going down would lose is tried, and undone.
    op.execute("SET LOCAL statement_timeout = 0")
    for name, (table, columns) in {"ix_signals_patient": _SIGNALS, "ix_courses_patient": _COURSES}.items():
        op.execute(f"CREATE INDEX {name} ON care.{table} ({', '.join(columns)})")
    op.execute("DROP INDEX care.ix_signals_latest, care.ix_courses_latest")


def _drop(*indexes: str) -> None:
    with op.get_context().autocommit_block():
        for index in indexes:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS care.{index}")
