"""What a clock that was ahead put off is due: no delivery, message or escalation waits longer than it ever may.

Revision ID: 0051
Revises: 0050
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, restore_function, rewrite_function, run_sql

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_DUE = "care.clinics_due(TIMESTAMP WITH TIME ZONE)"
_PULL_IN = "care.pull_in_due_times(TIMESTAMP WITH TIME ZONE)"
# A claim lasts a minute at the most: one that lasts longer is of a clock that was ahead, and holds nothing.
_CLAIMS = [
    (
        f"{one}.claimed_until <= due_at)",
        f"""{one}.claimed_until <= due_at
                           OR {one}.claimed_until > due_at + interval '5 minutes')""",
    )
    for one in ("d", "m")
]
_SIGNALS = """               OR EXISTS (SELECT FROM signals s
                           WHERE s.clinic_id = c.id AND s.state = 'snoozed' AND s.snoozed_until <= due_at) AS signals,
"""
_FINDINGS = """               -- A finding has a column of the parameter's name, and a column goes before a parameter.
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= clinics_due.due_at)
"""


def upgrade() -> None:
    for before, now in _CLAIMS:
        rewrite_function("care.due_lanes", before, now)
    run_sql(_SQL / "0051_due_times.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_DUE}, {_PULL_IN} TO {application_role()}")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {_PULL_IN}")
    op.execute(f"DROP FUNCTION {_DUE}")
    for before, now in _CLAIMS:
        rewrite_function("care.due_lanes", now, before)
    restore_function(_SQL / "0022_tables.sql", "care.clinics_due")
    rewrite_function("care.clinics_due", _SIGNALS, _FINDINGS + _SIGNALS)
    op.execute(f"REVOKE ALL ON FUNCTION {_DUE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_DUE} TO {application_role()}")
