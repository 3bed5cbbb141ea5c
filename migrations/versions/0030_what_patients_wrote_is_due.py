"""What a patient wrote and nobody read is due again: it was compared with its own due time, which it has none of.

Revision ID: 0030
Revises: 0029
"""

from app.storage.engine.migration_steps import rewrite_function

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_BEFORE = """
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= due_at)
"""
_NOW = """
               -- A finding has a column of the parameter's name, and a column goes before a parameter.
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= clinics_due.due_at)
"""


def upgrade() -> None:
    rewrite_function("care.clinics_due", _BEFORE, _NOW)


def downgrade() -> None:
    rewrite_function("care.clinics_due", _NOW, _BEFORE)
