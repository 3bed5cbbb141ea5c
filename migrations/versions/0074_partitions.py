"""The audit log is partitioned by range of its lines' ids, a partition a month.

Revision ID: 0074
Revises: 0069
"""

from contextlib import suppress
from pathlib import Path

from alembic import op
from sqlalchemy.exc import IntegrityError

from app.storage.engine.migration_steps import application_role, isolate, rewrite_function, run_sql

revision = "0074"
down_revision = "0069"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_ITS_END = "audit_events_before_its_end"
# New lines are bound by it at once. Proving what is there may take hours, and where this migration gives way to
# others after it, the version before goes on with it: more than a month is left for that.
_END = """
    SELECT (lpad(to_hex((extract(epoch FROM date_trunc('month', now() + interval '7 days', 'UTC')
            + interval '2 months') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid::text
"""
# Whose newest line has no seal: asked so, only the partitions from the last seal on are looked into.
_NEWEST = """coalesce((SELECT a.id FROM audit_events a WHERE a.clinic_id = c.id ORDER BY a.id DESC LIMIT 1)
                        > coalesce((SELECT s.event_id FROM audit_seals s WHERE s.clinic_id = c.id
                                     ORDER BY s.sequence DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'),
                        false) AS seals"""
_BEHIND = """EXISTS (SELECT FROM audit_events a WHERE a.clinic_id = c.id
                          AND a.id > coalesce((SELECT s.event_id FROM audit_seals s WHERE s.clinic_id = c.id
                                                ORDER BY s.sequence DESC LIMIT 1),
                                              '00000000-0000-0000-0000-000000000000')) AS seals"""
_LAST_FIGURE = """     WHERE c.state = 'open';
END"""
_WITH_PARTITIONS = """     WHERE c.state = 'open'
    UNION ALL
    -- Only where the worker did not make them: lines of a time without a partition (10,001: or more), and months.
    SELECT 'partitions', 'audit_events', 'default', count(*), NULL
      FROM (SELECT FROM partitions.audit_events_default LIMIT 10001) AS found HAVING count(*) > 0
    UNION ALL
    SELECT 'partitions', 'audit_events', 'missing', count(*), NULL
      FROM generate_series(0, 2) AS ahead (months)
     WHERE now() + make_interval(months => months) >= partitions.made_until() HAVING count(*) > 0;
END"""


def upgrade() -> None:
    _prove_end()
    op.execute("CREATE SCHEMA partitions")
    run_sql(_SQL / "0074_partitions.sql")
    isolate("audit_events", privileges="SELECT, INSERT")
    op.execute(f"REVOKE ALL ON partitions.audit_events_before FROM {application_role()}")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.make_partitions_ahead() TO {application_role()}")
    rewrite_function("care.clinics_due", _NEWEST, _BEHIND)
    rewrite_function("care.operation_figures", _LAST_FIGURE, _WITH_PARTITIONS)


def downgrade() -> None:
    rewrite_function("care.operation_figures", _WITH_PARTITIONS, _LAST_FIGURE)
    rewrite_function("care.clinics_due", _BEHIND, _NEWEST)
    run_sql(_SQL / "0074_before.sql")
    isolate("audit_events", privileges="SELECT, INSERT")


def _prove_end() -> None:
    """Prove, while others write, that all ids are from before an end: then becoming a partition reads no row.

    Of ids that Afterglow did not make, some may be beyond; then the constraint stays unproved.
    """
    end = op.get_bind().exec_driver_sql(_END).scalar_one()
    # One that was broken off left it.
    op.execute(
        f"-- squawk-ignore ban-drop-constraint\nALTER TABLE care.audit_events DROP CONSTRAINT IF EXISTS {_ITS_END}"
    )
    op.execute(
        f"ALTER TABLE care.audit_events ADD CONSTRAINT {_ITS_END} CHECK (id < '{end}'::uuid) NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        with suppress(IntegrityError):
            # Another transaction: the block has ended the one above.
            op.execute(
                "-- squawk-ignore constraint-missing-not-valid\n"
                f"ALTER TABLE care.audit_events VALIDATE CONSTRAINT {_ITS_END}"
            )
        op.execute("RESET statement_timeout")
