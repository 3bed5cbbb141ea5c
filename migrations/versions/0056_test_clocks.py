"""A clinic in test mode may be ahead of the clock: what is due there is asked for by its own time.

Revision ID: 0056
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import rewrite_function

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

# A test clock moves what is due by the clinic's time; safety's limits and messages go by the real one.
_DUE = (
    (
        "FROM signals s WHERE s.clinic_id = c.id AND s.escalate_at <= due_at)",
        "FROM signals s WHERE s.clinic_id = c.id AND s.escalate_at <= due_at + moved)",
    ),
    ("f.escalate_at <= clinics_due.due_at)", "f.escalate_at <= clinics_due.due_at + moved)"),
    ("s.snoozed_until <= due_at)", "s.snoozed_until <= due_at + moved)"),
    ("p.next_look_at <= due_at)", "p.next_look_at <= due_at + moved)"),
    ("s.escalate_at > due_at + interval '97 hours'", "s.escalate_at > due_at + moved + interval '97 hours'"),
    ("clinics_due.due_at + interval '97 hours'", "clinics_due.due_at + moved + interval '97 hours'"),
    ("p.next_look_at > due_at + interval '3 days'", "p.next_look_at > due_at + moved + interval '3 days'"),
    (
        "          FROM clinics c WHERE c.state = 'open'\n",
        (
            "          -- A test clock moves what is due by the clinic's time; safety's limits and messages go by"
            " the real one.\n"
            "          FROM clinics c, LATERAL (SELECT make_interval(secs => c.ahead_seconds) AS moved)"
            " AS test_clock\n"
            "         WHERE c.state = 'open'\n"
        ),
    ),
)
_PULLED_IN = (
    (
        "BEGIN\n    UPDATE webhook_endpoints SET probe_at",
        """DECLARE
    -- The clinic's own time, which a test clock moves; without a tenant no row is seen.
    clinic_now TIMESTAMP WITH TIME ZONE := at_now + coalesce(
        (SELECT make_interval(secs => c.ahead_seconds) FROM front_desk.clinics c WHERE c.id = front_desk.tenant()),
        interval '0');
BEGIN
    UPDATE webhook_endpoints SET probe_at""",
    ),
    (
        "signals SET escalate_at = at_now WHERE escalate_at > at_now",
        "signals SET escalate_at = clinic_now WHERE escalate_at > clinic_now",
    ),
    (
        "findings SET escalate_at = at_now WHERE escalate_at > at_now",
        "findings SET escalate_at = clinic_now WHERE escalate_at > clinic_now",
    ),
    ("snoozed_until = at_now, escalate_at = at_now", "snoozed_until = clinic_now, escalate_at = clinic_now"),
    ("snoozed_until > at_now", "snoozed_until > clinic_now"),
    (
        "next_look_at = at_now WHERE next_look_at > at_now",
        "next_look_at = clinic_now WHERE next_look_at > clinic_now",
    ),
)


def upgrade() -> None:
    op.add_column(
        "clinics",
        sa.Column("ahead_seconds", sa.BigInteger, nullable=False, server_default="0"),
        schema="front_desk",
    )
    for before, now in _DUE:
        rewrite_function("care.clinics_due", before, now)
    for before, now in _PULLED_IN:
        rewrite_function("care.pull_in_due_times", before, now)


def downgrade() -> None:
    for before, now in _DUE:
        rewrite_function("care.clinics_due", now, before)
    for before, now in _PULLED_IN:
        rewrite_function("care.pull_in_due_times", now, before)
    op.drop_column("clinics", "ahead_seconds", schema="front_desk")
