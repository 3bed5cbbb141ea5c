"""What was entered in error can be amended, voided and restored; every version is kept.

Revision ID: 0029
Revises: 0028
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, isolate, run_sql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0029_record_versions.sql")
    # A version stays as it was; an erased patient's go with the patient.
    isolate("record_versions", privileges="SELECT, INSERT")
    isolate("idempotent_replies")
    op.execute(f"GRANT UPDATE (entered_in_error) ON care.check_ins TO {application_role()}")


def downgrade() -> None:
    op.execute("DROP TABLE care.idempotent_replies")
    op.execute("ALTER TABLE care.check_ins DROP COLUMN entered_in_error")
    op.execute("ALTER TABLE care.courses DROP COLUMN declared_started_on")
    op.execute(
        "ALTER TABLE care.assessments DROP COLUMN external_id, DROP COLUMN source, DROP COLUMN version"
    )
    op.execute(
        "ALTER TABLE care.infusions DROP COLUMN dose_mg, DROP COLUMN external_id, DROP COLUMN source,"
        " DROP COLUMN version, DROP COLUMN began_course_id, DROP COLUMN kept_booking_on,"
        " DROP COLUMN kept_booking_made_at"
    )
    op.execute("DROP TABLE care.record_versions")
