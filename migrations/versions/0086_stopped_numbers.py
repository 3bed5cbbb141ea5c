"""A number that said STOP stays stopped, whoever types it in again: one row a number.

Revision ID: 0086
Revises: 0085
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import isolate

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "stopped_numbers",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("number_index", sa.LargeBinary, nullable=False),
        sa.Column("stopped_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "number_index", name="pk_stopped_numbers"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_stopped_numbers_clinic_id"
        ),
        schema="care",
    )
    isolate("stopped_numbers", privileges="SELECT, INSERT, DELETE")
    op.execute(
        """
        INSERT INTO care.stopped_numbers (clinic_id, number_index, stopped_at)
        SELECT clinic_id, sms_number_index, min(sms_stopped_at) FROM care.reminder_plans
         WHERE sms_number_index IS NOT NULL AND sms_stopped_at IS NOT NULL
         GROUP BY clinic_id, sms_number_index
        """
    )
    # What it said is in the new table.
    op.execute("-- squawk-ignore ban-drop-column\nALTER TABLE care.reminder_plans DROP COLUMN sms_stopped_at")


def downgrade() -> None:
    op.add_column("reminder_plans", sa.Column("sms_stopped_at", _MOMENT), schema="care")
    op.execute(
        """
        UPDATE care.reminder_plans p SET sms_stopped_at = s.stopped_at FROM care.stopped_numbers s
         WHERE s.clinic_id = p.clinic_id AND s.number_index = p.sms_number_index
        """
    )
    op.drop_table("stopped_numbers", schema="care")
