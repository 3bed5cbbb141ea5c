"""Sign-in by link, browsers as devices, a patient's e-mail, how far a phone's clock is off, patients' own forms.

Revision ID: 0006
Revises: 0005
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import isolate, run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    run_sql(_SQL / "0006_tables.sql")
    isolate("sign_in_links")


def downgrade() -> None:
    op.execute("ALTER TABLE care.assessments DROP CONSTRAINT pk_assessments")
    op.execute("ALTER TABLE care.assessments ADD CONSTRAINT pk_assessments PRIMARY KEY (clinic_id, id)")
    op.execute("ALTER TABLE care.assessments DROP COLUMN entered_by")
    op.execute("DROP TABLE care.sign_in_links")
    op.execute("DROP INDEX care.ix_device_tokens_device")
    op.execute("DROP INDEX care.ix_devices_patient")
    # A browser's token means nothing to the version before; its device stays, without a way in.
    op.execute("DELETE FROM care.device_tokens WHERE kind = 'browser'")
    op.execute("ALTER TABLE care.device_tokens DROP CONSTRAINT ck_device_tokens_kind")
    op.execute(
        "ALTER TABLE care.device_tokens ADD CONSTRAINT ck_device_tokens_kind "
        "CHECK (kind in ('access', 'refresh'))"
    )
    op.execute("ALTER TABLE care.check_ins DROP COLUMN clock_skew_seconds")
    op.execute("ALTER TABLE care.patients DROP COLUMN email_sealed")
