"""Months of the audit log that lie in a file: what is kept of each, and the owner's way of taking one out and in.

A month is a partition of the log. Each clinic with lines in it has one row; all rows of a month have one id.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.errors import OperatorError
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import CARE, FRONT_DESK, PARTITIONS, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork

# Whoever reads the whole log is waited for that long while nobody can write; then it is left as it was.
_TIMEOUTS: Final = (
    "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = 0; SET LOCAL timezone = 'UTC'"
)
_PREFIX: Final = "audit_events_"
_MONTHS: Final = """
    SELECT c.relname AS name, substring(b.bounds FROM 'FROM \\(''([0-9a-f-]+)''\\)')::uuid AS first_id,
           substring(b.bounds FROM 'TO \\(''([0-9a-f-]+)''\\)')::uuid AS end_id
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
           LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bounds)
     WHERE i.inhparent = 'care.audit_events'::regclass AND b.bounds <> 'DEFAULT'
     ORDER BY end_id
"""
# What has to stay where it is read: lines under a legal hold, about what is open, and those by which a merge of
# patients is taken back.
_NEEDED: Final = """
    SELECT DISTINCT reason FROM (
        SELECT 'legal-hold' AS reason FROM {month} a JOIN care.legal_holds h ON h.clinic_id = a.clinic_id
         WHERE h.lifted_at IS NULL
           AND (h.patient_id IS NULL OR h.patient_id = a.patient_id
                OR a.patient_id IN (SELECT m.into_id FROM care.patient_merges m
                                     WHERE m.clinic_id = h.clinic_id AND m.patient_id = h.patient_id))
        UNION ALL
        SELECT 'open-record' FROM {month} a JOIN (
                   SELECT clinic_id, id FROM care.safety_events WHERE state <> 'closed'
                   UNION ALL SELECT clinic_id, id FROM care.signals WHERE state <> 'closed'
                   UNION ALL SELECT clinic_id, id FROM care.findings WHERE state <> 'closed'
                   UNION ALL SELECT clinic_id, id FROM care.erasure_requests WHERE state = 'open'
                   UNION ALL SELECT clinic_id, id FROM care.patient_transfers WHERE state = 'started'
               ) o ON o.clinic_id = a.clinic_id AND o.id = a.subject_id
        UNION ALL
        SELECT 'merge' FROM {month} a JOIN care.patient_merges m ON m.clinic_id = a.clinic_id
         WHERE m.unmerged_at IS NULL AND a.at >= m.merged_at AND a.actor_kind = 'device'
           AND m.content -> 'devices' ? a.actor_id::text
    ) AS found ORDER BY reason
"""


class AuditArchive(TenantRow):
    """One clinic's lines of one month that lie in a file.

    Attributes:
        id: the month's in this file; the clinics in it share it.
        name: the month, such as ``2026_05``; ``before`` is what was there when the log got its months.
        first_id, end_id: the lines' ids are from the first on, and before the end.
        sha256: of the file.
        lines: how many are this clinic's.
        first_sequence, last_sequence: their first and last places in the clinic's order.
        mac: vouches for all of this, and for the seals of these lines.
    """

    __tablename__ = "audit_archives"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "name"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    first_id: Mapped[UUID]
    end_id: Mapped[UUID]
    archived_at: Mapped[datetime]
    sha256: Mapped[bytes]
    lines: Mapped[int]
    first_sequence: Mapped[int]
    last_sequence: Mapped[int]
    mac: Mapped[bytes]

    def holds(self, event_id: UUID, sequence: int) -> bool:
        """Say whether a line with this id, under a seal that ends at this place, was archived with it."""
        return self.first_id <= event_id < self.end_id and sequence <= self.last_sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMonth:
    """A partition of the audit log: its lines' ids are from the first on, and before the end.

    Attributes:
        name: of its file.
        partition: what the log calls it, where that is another name.
    """

    name: str
    partition: str | None = None
    first_id: UUID
    end_id: UUID

    @property
    def ends_at(self) -> datetime:
        """When it was over."""
        return datetime.fromtimestamp((self.end_id.int >> 80) / 1000, UTC)

    @property
    def table(self) -> sql.Identifier:
        """Its table."""
        return sql.Identifier(PARTITIONS, _PREFIX + (self.partition or self.name))


class LogInUseError(OperatorError):
    """Someone reads or writes the audit log for longer than two seconds; nothing was changed: try it again."""


class ArchivingElsewhereError(OperatorError):
    """Another command archives or restores months of the audit log; nothing was changed: try it when that is done."""


class LinesCameMeanwhileError(OperatorError):
    """The month got another line while it was archived; it was left as it is: archive it again."""


class NotRestorableError(OperatorError):
    """Lines of this file are in the audit log already; nothing was changed."""


async def of_clinic(work: UnitOfWork) -> list[AuditArchive]:
    """List this clinic's archived months, oldest first."""
    found = await work.execute(
        select(*columns_of(AuditArchive)).where(work.owns(AuditArchive)).order_by(AuditArchive.end_id)
    )
    return [AuditArchive(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


@contextmanager
def alone(owner_url: str) -> Iterator[None]:
    """Keep other commands that archive or restore months off until the block is done.

    Raises:
        ArchivingElsewhereError: one is at it.
    """
    with psycopg.connect(_plain(owner_url), autocommit=True) as connection:
        if connection.execute("SELECT pg_try_advisory_lock(7032021)").fetchone() != (True,):
            raise ArchivingElsewhereError(ArchivingElsewhereError.__doc__)
        yield


def months_before(owner_url: str, moment: datetime) -> list[LogMonth]:
    """List the months that were over at a moment, oldest first, each under a name that no file has."""
    found = []
    with _owner(owner_url) as connection:
        # An imported installation brought files of its own months, which are called so, too.
        taken = {row[0] for row in connection.execute("SELECT DISTINCT name FROM care.audit_archives")}
        for table, first_id, end_id in connection.execute(_MONTHS):
            partition = table.removeprefix(_PREFIX)
            names = chain([partition], (f"{partition}_{number}" for number in count(2)))
            name = next(one for one in names if one not in taken)
            taken.add(name)
            found.append(
                LogMonth(name=name, partition=partition, first_id=first_id or UUID(int=0), end_id=end_id)
            )
    # The newest one stays: where it ends, the next ones are made.
    return [one for one in found[:-1] if one.ends_at <= moment]


def clinics_in(owner_url: str, month: LogMonth) -> dict[UUID, int]:
    """Count a month's lines by clinic, in the order of the clinics' ids."""
    question = sql.SQL("SELECT clinic_id, count(*) FROM {} GROUP BY clinic_id ORDER BY clinic_id")
    with _owner(owner_url) as connection:
        return dict(connection.execute(question.format(month.table)).fetchall())


def needed(owner_url: str, month: LogMonth) -> list[str]:
    """Say why a month has to stay: ``legal-hold``, ``open-record``, ``merge``; empty: nothing needs it."""
    with _owner(owner_url) as connection:
        return _needed(connection, month)


def _needed(connection: psycopg.Connection[Any], month: LogMonth) -> list[str]:
    return [row[0] for row in connection.execute(sql.SQL(_NEEDED).format(month=month.table))]


def take_out(
    owner_url: str,
    month: LogMonth,
    rows: Sequence[dict[str, Any]],
    audit_lines: Sequence[dict[str, Any]],
    *,
    count: int,
) -> list[str]:
    """Detach and drop a month, keep what is known of its file, and write the lines of the log: all or nothing.

    Gives why it has to stay after all; empty: it is done. Detaching cannot be concurrent where there is a default
    partition, so it waits two seconds for others and no longer.

    Args:
        owner_url: the owner's way to the database.
        month: which one.
        rows: what is kept of it, by clinic.
        audit_lines: what the audit log says of it.
        count: how many lines the file has.

    Raises:
        LogInUseError, LinesCameMeanwhileError: nothing was changed.
    """
    with _owner(owner_url) as connection:
        # Nobody adds a line to this month from here on; to others they do, until it is detached.
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(month.table))
        if reasons := _needed(connection, month):
            return reasons
        there = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(month.table)).fetchone()
        if there != (count,):
            raise LinesCameMeanwhileError(LinesCameMeanwhileError.__doc__)
        _insert(connection, sql.Identifier(CARE, AuditArchive.__tablename__), rows)
        _insert(connection, sql.Identifier(CARE, StoredEvent.__tablename__), audit_lines)
        # Last: from here on nobody writes or reads the log, however many clinics have lines in the month.
        connection.execute(sql.SQL("ALTER TABLE care.audit_events DETACH PARTITION {}").format(month.table))
        connection.execute(sql.SQL("DROP TABLE {}").format(month.table))
    return []


def bring_back(
    owner_url: str,
    month: LogMonth,
    archive_id: UUID,
    lines: Iterable[dict[str, Any]],
    audit_lines: Sequence[dict[str, Any]],
) -> int:
    """Load a month's lines into the log again and forget what was kept of its file: all or nothing; gives how many.

    Where the log has no partition of that time, it becomes one again; else its lines go into those that are there.

    Raises:
        LogInUseError, NotRestorableError: nothing was changed.
    """
    with _owner(owner_url) as connection:
        month = _free(connection, month)
        count = _load(connection, month, lines)
        try:
            _join(connection, month)
        except psycopg.errors.UniqueViolation:
            raise NotRestorableError(NotRestorableError.__doc__) from None
        connection.execute("DELETE FROM care.audit_archives WHERE id = %s", [archive_id])
        _insert(connection, sql.Identifier(CARE, StoredEvent.__tablename__), audit_lines)
    return count


def _free(connection: psycopg.Connection[Any], month: LogMonth) -> LogMonth:
    """Give the month under a name that no partition has: of another installation there may be one of its name."""
    there = {row[0].removeprefix(_PREFIX) for row in connection.execute(_MONTHS)}
    return replace(month, name=f"{month.name}_restored") if month.name in there else month


def _load(connection: psycopg.Connection[Any], month: LogMonth, lines: Iterable[dict[str, Any]]) -> int:
    table = month.table
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE care.audit_events INCLUDING ALL)").format(table))
    count, names = 0, ["clinic_id", *(one.key for one in columns_of(StoredEvent))]
    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(table, sql.SQL(", ").join(map(sql.Identifier, names)))
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for line in lines:
            copy.write_row([line[name] for name in names])
            count += 1
    # Only now: nothing is copied into a table whose rows are secured.
    for statement in (
        "ALTER TABLE {} ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {} FORCE ROW LEVEL SECURITY",
        "CREATE POLICY owner ON {} TO CURRENT_USER USING (true) WITH CHECK (true)",
    ):
        connection.execute(sql.SQL(statement).format(table))
    return count


def _join(connection: psycopg.Connection[Any], month: LogMonth) -> None:
    try:
        with connection.transaction():
            _attach(connection, month)
    except psycopg.errors.InvalidObjectDefinition:
        connection.execute(sql.SQL("INSERT INTO care.audit_events SELECT * FROM {}").format(month.table))
        connection.execute(sql.SQL("DROP TABLE {}").format(month.table))


def _attach(connection: psycopg.Connection[Any], month: LogMonth) -> None:
    """Make it a partition; a line of its time that came meanwhile moves into it."""
    bounds = {"table": month.table, "first": sql.Literal(month.first_id), "end": sql.Literal(month.end_id)}
    lower = sql.Literal(month.first_id) if month.first_id.int else sql.SQL("MINVALUE")
    moving = (
        "WITH moved AS (DELETE FROM partitions.audit_events_default WHERE id >= {first} AND id < {end} RETURNING *)"
        " INSERT INTO {table} SELECT * FROM moved"
    )
    for statement in (
        "LOCK TABLE partitions.audit_events_default IN ACCESS EXCLUSIVE MODE",
        # Of what is taken out here no copy may come back.
        "SELECT partitions.forget_copies()",
        moving,
        "ALTER TABLE care.audit_events ATTACH PARTITION {table} FOR VALUES FROM ({lower}) TO ({end})",
    ):
        connection.execute(sql.SQL(statement).format(lower=lower, **bounds))


def _insert(
    connection: psycopg.Connection[Any], table: sql.Identifier, rows: Sequence[dict[str, Any]]
) -> None:
    for row in rows:
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        values = sql.SQL(", ").join(sql.Placeholder() * len(row))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, names, values)
        connection.execute(statement, list(row.values()))


def kept_row(archive: AuditArchive, *, clinic_id: UUID) -> dict[str, Any]:
    """Give what is inserted for a clinic's part of a month."""
    return {"clinic_id": clinic_id, **values_of(archive)}


def archived_in(owner_url: str, sha256: bytes) -> dict[UUID, AuditArchive]:
    """Find what is kept of a file, by clinic; empty: no month lies in it."""
    names = [one.key for one in columns_of(AuditArchive)]
    question = sql.SQL("SELECT clinic_id, {} FROM care.audit_archives WHERE sha256 = %s ORDER BY clinic_id")
    with _owner(owner_url) as connection:
        statement = question.format(sql.SQL(", ").join(map(sql.Identifier, names)))
        found = connection.execute(statement, [sha256]).fetchall()
    return {row[0]: AuditArchive(**dict(zip(names, row[1:], strict=True))) for row in found}


@contextmanager
def _owner(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(_plain(owner_url)) as connection:
        connection.execute(_TIMEOUTS)
        try:
            yield connection
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            raise LogInUseError(LogInUseError.__doc__) from None


def _plain(owner_url: str) -> str:
    return make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
