"""A number gets text messages once it is confirmed, and what patients text is kept.

Revision ID: 0083
Revises: 0082
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import index_while_used, isolate

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_FINGERPRINTS = ("sms_number_index", "sms_code_digest")
_MOMENTS = ("sms_confirmed_at", "sms_stopped_at", "sms_code_expires_at", "sms_codes_since")
_COUNTS = ("sms_code_tries", "sms_codes")


def upgrade() -> None:
    # First what ends the transaction: where it was broken off, all of it can be run again.
    op.execute("ALTER TABLE care.reminder_plans ADD COLUMN IF NOT EXISTS sms_number_index BYTEA")
    index_while_used(
        "ix_reminder_plans_sms_number",
        "reminder_plans",
        ["clinic_id", "sms_number_index"],
        where="sms_number_index IS NOT NULL",
    )
    op.add_column("reminder_plans", sa.Column("sms_code_digest", sa.LargeBinary), schema="care")
    for name in _MOMENTS:
        op.add_column("reminder_plans", sa.Column(name, _MOMENT), schema="care")
    for name in _COUNTS:
        column = sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        op.add_column("reminder_plans", column, schema="care")
    op.create_table(
        "received_texts",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("word", sa.Text),
        sa.Column("text_sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_received_texts"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["care.patients.clinic_id", "care.patients.id"],
            name="fk_received_texts_clinic_id_patient_id",
        ),
        sa.CheckConstraint("word in ('stop', 'start')", name="word"),
        schema="care",
    )
    op.create_index(
        "ix_received_texts_patient",
        "received_texts",
        ["clinic_id", "patient_id", "received_at"],
        schema="care",
    )
    isolate("received_texts", privileges="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("received_texts", schema="care")
    op.drop_index("ix_reminder_plans_sms_number", "reminder_plans", schema="care")
    for name in (*_COUNTS, *_MOMENTS, *_FINGERPRINTS):
        op.drop_column("reminder_plans", name, schema="care")
