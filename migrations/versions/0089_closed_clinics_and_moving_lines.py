"""Lines in the default partition of the audit log move into their months; and when a clinic was closed.

From the day a clinic was closed its rules of retention count for all of its patients.

Revision ID: 0089
Revises: 0088
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import application_role, run_sql

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_INDEX = "audit_events_default_id_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        # One that was broken off left it.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS partitions.{_INDEX}")
        op.execute(
            "-- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            f"CREATE INDEX CONCURRENTLY {_INDEX} ON partitions.audit_events_default (id)"
        )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")
    run_sql(_SQL / "0089_move_lines.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.move_default_lines() TO {application_role()}")
    op.add_column("clinics", sa.Column("closed_at", sa.DateTime(timezone=True)), schema="front_desk")
    op.execute(
        """
        UPDATE front_desk.clinics c SET closed_at = coalesce((
            SELECT max(a.at) FROM care.audit_events a WHERE a.clinic_id = c.id AND a.action = 'clinic.closed'
        ), now()) WHERE c.state = 'closed'
        """
    )


def downgrade() -> None:
    op.drop_column("clinics", "closed_at", schema="front_desk")
    op.execute("DROP FUNCTION care.move_default_lines()")
    op.execute(f"DROP INDEX partitions.{_INDEX}")
    # Copies: the lines themselves lie in the default partition still.
    op.execute(
        """
        DO $$ BEGIN
            EXECUTE coalesce((SELECT string_agg(format('DROP TABLE partitions.%I', relname), ';') FROM pg_class
                               WHERE relnamespace = 'partitions'::regnamespace AND relkind = 'r'
                                 AND relname LIKE '%\\_staged'), 'SELECT');
        END $$
        """
    )
