"""What was announced to a clinic is called announced, in the database as in the code.

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE care.patient_states RENAME COLUMN told TO announced")
    op.execute("ALTER INDEX care.ix_patient_states_told RENAME TO ix_patient_states_announced")
    op.execute("ALTER TABLE care.reminder_plans RENAME COLUMN overdue_told_for TO overdue_announced_for")


def downgrade() -> None:
    op.execute("ALTER TABLE care.reminder_plans RENAME COLUMN overdue_announced_for TO overdue_told_for")
    op.execute("ALTER INDEX care.ix_patient_states_announced RENAME TO ix_patient_states_told")
    op.execute("ALTER TABLE care.patient_states RENAME COLUMN announced TO told")
