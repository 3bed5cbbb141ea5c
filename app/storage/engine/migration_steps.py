"""Steps that migrations share. What a step does may never change: migrations that landed rely on it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic import context, op

from app.foundation.errors import OperatorError

# Whose rows a transaction sees: of the clinic that it names, and since 0038 of one that it proves to be.
TENANT_BY_ID: Final = "clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid"
TENANT_BY_PROOF: Final = "clinic_id = (SELECT front_desk.tenant())"


class PatientKeysKeptError(OperatorError):
    """Patients' own keys are kept here, and going down would lose them: nobody could read what they sealed again.

    Nothing was changed. To go back, restore the backup from before the upgrade.
    """


class MonthsArchivedError(OperatorError):
    """Months of the audit log lie in files, and the version before does not know of them: nothing was changed.

    Bring them back first, each by `afterglow audit restore`.
    """


def run_sql(path: Path) -> None:
    """Run a file of statements as it stands: past SQLAlchemy, which would take its percent signs for parameters."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute(path.read_text())
    cursor.close()


def rewrite_function(function: str, before: str, after: str) -> None:
    """Change one passage of a function; its owner, settings and grants stay.

    Raises:
        LookupError: the passage is not there, or more than once.
    """
    cursor = op.get_bind().connection.cursor()
    cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
    (definition,) = cursor.fetchone() or ("",)
    if definition.count(before) != 1:
        raise LookupError(function)
    cursor.execute(definition.replace(before, after))
    cursor.close()


def restore_function(path: Path, function: str) -> None:
    """Give a function the text that an earlier migration's file made it with.

    Raises:
        LookupError: the file does not make it.
    """
    made = re.search(
        rf"^CREATE FUNCTION ({re.escape(function)}\(.*?^END \$\w+\$;)",
        path.read_text(),
        re.DOTALL | re.MULTILINE,
    )
    if made is None:
        raise LookupError(function)
    cursor = op.get_bind().connection.cursor()
    cursor.execute(f"CREATE OR REPLACE FUNCTION {made[1]}")
    cursor.close()


def isolate(*tables: str, privileges: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Force row-level security on new tables of ``care``, and let the application do this much with them.

    Forced security binds the owner too: without a separate policy a backup would be empty.
    """
    role = application_role()
    by_proof = op.get_bind().exec_driver_sql("SELECT to_regprocedure('front_desk.tenant()') IS NOT NULL")
    condition = TENANT_BY_PROOF if by_proof.scalar_one() else TENANT_BY_ID
    for table in tables:
        op.execute(f"ALTER TABLE care.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE care.{table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON care.{table} USING ({condition})")
        op.execute(f"CREATE POLICY owner ON care.{table} TO CURRENT_USER USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {privileges} ON care.{table} TO {role}")


def index_while_used(
    name: str,
    table: str,
    columns: Sequence[str],
    *,
    beside: Sequence[str] = (),
    unique: bool = False,
    where: str = "",
) -> None:
    """Make an index of a table of ``care`` while others write into it: the first step of its migration.

    ``beside`` are columns that it holds and does not sort by, so that the row need not be read for them.

    It ends the migration's transaction, as PostgreSQL demands, and may take hours; it keeps nobody waiting, and waits
    for as long as it has to. One that was broken off left an invalid index, which goes first. Whatever the migration
    did before it stays when it is broken off, and would stand in the way of running it again.
    """
    kind, condition = "UNIQUE INDEX" if unique else "INDEX", f" WHERE {where}" if where else ""
    held = f" INCLUDE ({', '.join(beside)})" if beside else ""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS care.{name}")
        op.execute(
            "-- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            f"CREATE {kind} CONCURRENTLY {name} ON care.{table} ({', '.join(columns)}){held}{condition}"
        )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def index_log_while_used(name: str, columns: Sequence[str], *, where: str = "") -> None:
    """Make an index of the audit log, month by month, while others write: the first step of its migration.

    As `index_while_used`. The log itself has it when `join_log_index` was called.
    """
    condition = f" WHERE {where}" if where else ""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        for month in _log_months():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS partitions.{_index_of(name, month)}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {_index_of(name, month)} ON partitions.{month}"
                f" ({', '.join(columns)}){condition}"
            )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def join_log_index(name: str, columns: Sequence[str], *, where: str = "") -> None:
    """Give the audit log the index that its months got; a month that came meanwhile gets it here.

    The caller has locked the log. What was copied towards months begins again, as these copies have no such index.
    """
    condition = f" ({', '.join(columns)})" + (f" WHERE {where}" if where else "")
    op.execute("SELECT partitions.forget_copies()")
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        f"CREATE INDEX {name} ON ONLY care.audit_events{condition}"
    )
    for month in _log_months():
        own = _index_of(name, month)
        op.execute(
            "-- squawk-ignore require-concurrent-index-creation\n"
            f"CREATE INDEX IF NOT EXISTS {own} ON partitions.{month}{condition}"
        )
        op.execute(f"ALTER INDEX care.{name} ATTACH PARTITION partitions.{own}")


def _log_months() -> list[str]:
    found = op.get_bind().exec_driver_sql(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'care.audit_events'::regclass ORDER BY 1"
    )
    return list(found.scalars())


def _index_of(name: str, month: str) -> str:
    return f"{month}_{name.removeprefix('ix_audit_events_')}_idx"


def constrain_while_used(name: str, table: str, condition: str) -> None:
    """Add a constraint to a table of ``care``, such as ``CHECK (…)``, that looks at its rows while others write.

    It holds for new rows at once (``NOT VALID`` reads none of the old ones), and is then validated without a lock
    that anybody would notice, in a separate transaction: the last step of its migration.
    """
    op.execute(f"ALTER TABLE care.{table} ADD CONSTRAINT {name} {condition} NOT VALID")
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.execute(
            # Another transaction: the block has ended the one above.
            f"-- squawk-ignore constraint-missing-not-valid\nALTER TABLE care.{table} VALIDATE CONSTRAINT {name}"
        )
        op.execute("RESET statement_timeout")


def refuse_while_patients_have_keys() -> None:
    """Keep a way down from removing any patient's key.

    Raises:
        PatientKeysKeptError: there is one.
    """
    # Whoever is registering a patient is waited for, and nobody registers another one until the keys are gone.
    op.execute("LOCK TABLE care.patient_keys IN ACCESS EXCLUSIVE MODE")
    if op.get_bind().exec_driver_sql("SELECT EXISTS (SELECT FROM care.patient_keys)").scalar_one():
        raise PatientKeysKeptError(" ".join((PatientKeysKeptError.__doc__ or "").split()))


def refuse_while_months_are_archived() -> None:
    """Keep a way down from forgetting which lines of the audit log lie in a file.

    Raises:
        MonthsArchivedError: some do.
    """
    if op.get_bind().exec_driver_sql("SELECT EXISTS (SELECT FROM care.audit_archives)").scalar_one():
        raise MonthsArchivedError(" ".join((MonthsArchivedError.__doc__ or "").split()))


def application_role() -> str:
    """Give the application role's name, quoted, as the migration was given it."""
    name: str = context.config.attributes["application_role"]
    return op.get_bind().dialect.identifier_preparer.quote(name)
