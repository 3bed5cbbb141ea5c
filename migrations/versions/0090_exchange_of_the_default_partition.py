"""Lines in the default partition of the audit log come into their months, however many they are.

Revision ID: 0090
Revises: 0089
"""

from pathlib import Path

from alembic import op

from app.storage.engine.migration_steps import application_role, rewrite_function, run_sql

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_FIRST = """BEGIN
    WHILE month <= last LOOP"""
_UNLESS_MOVING = """BEGIN
    -- Where there are many, each partition that is made reads all of them while others wait. They are moved instead,
    -- and while they are, no month is made that is on its way.
    IF to_regclass('partitions.audit_events_staged') IS NOT NULL OR (
        SELECT count(*) FROM (SELECT FROM partitions.audit_events_default LIMIT 10 * most + 1) AS found
    ) > 10 * most THEN
        RETURN;
    END IF;
    WHILE month <= last LOOP"""
# Copies of the version before; the lines lie in the default partition still.
_DROP_STAGED = """
    DO $$ BEGIN
        EXECUTE coalesce((SELECT string_agg(format('DROP TABLE partitions.%I', relname), ';') FROM pg_class
                           WHERE relnamespace = 'partitions'::regnamespace AND relkind = 'r'
                             AND relname LIKE '%\\_staged'), 'SELECT');
    END $$
"""


def upgrade() -> None:
    op.execute(_DROP_STAGED)
    op.execute("-- squawk-ignore ban-drop-function\nDROP FUNCTION care.move_default_lines()")
    run_sql(_SQL / "0090_exchange.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.move_default_lines() TO {application_role()}")
    rewrite_function("care.make_partitions_ahead", _FIRST, _UNLESS_MOVING)


def downgrade() -> None:
    rewrite_function("care.make_partitions_ahead", _UNLESS_MOVING, _FIRST)
    op.execute("SELECT partitions.forget_copies()")
    op.execute("DROP FUNCTION care.move_default_lines()")
    for function in (
        "exchange_default()",
        "copy_what_came(BIGINT)",
        "stage_months()",
        "note_line()",
        "forget_copies()",
        "secure(TEXT)",
    ):
        op.execute(f"DROP FUNCTION partitions.{function}")
    run_sql(_SQL / "0089_move_lines.sql")
    op.execute(f"GRANT EXECUTE ON FUNCTION care.move_default_lines() TO {application_role()}")
