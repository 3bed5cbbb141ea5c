"""The audit log in an installation's archive: each seal with its lines, checked again before they are imported.

Lines and seals move as they are, and whoever kept a head can hold it against the new installation. So that one needs
the key that links the chain: it comes with the encryption key, as for a restored backup.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final
from uuid import UUID

from app.access.audit.archived_months import ArchivedMonths
from app.access.audit.seals import FIRST, faults_of, head_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.interop.archive.archive_file import (
    ArchiveDamagedError,
    ArchivedRow,
    ArchiveHead,
    ArchiveWriter,
    read_archive,
)
from app.storage import archived_tables, audit_archives, audit_log
from app.storage.archived_tables import AUDIT_LOG, from_plain, to_plain
from app.storage.audit_archives import AuditArchive
from app.storage.audit_log import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import values_of

_MONTHS, _SEALS, _EVENTS = AUDIT_LOG
_SEALS_AT_ONCE: Final = 100
_EVENTS_AT_ONCE: Final = 1000


class AuditKeyMissingError(RefusalError):
    """The audit log in this archive is sealed with another encryption key: start this installation with that one."""

    kind = RefusalKind.CONFLICT
    code = "audit-key-missing"


class AuditLogDiffersError(RefusalError):
    """The audit log in this archive does not fit its seals: a line or a seal was changed or left out."""

    code = "audit-log-differs"


async def lines_of_audit_log(work: Work, writer: ArchiveWriter) -> AsyncIterator[bytes]:
    """Give what is kept of archived months, each seal, its lines after it, then the lines that wait for their seal.

    The lines of archived months stay in their files, which serve the other installation too. ``work`` is a snapshot.
    """
    for month in await audit_archives.of_clinic(work):
        yield writer.row(_MONTHS.name, _plain(month))
    after, full = 0, True
    while full:
        some = await audit_log.seals_after(work, after, limit=_SEALS_AT_ONCE)
        for seal, events in some:
            for line in lines_of_seal(writer, seal, events.values()):
                yield line
        after, full = (some[-1][0].sequence if some else after), len(some) == _SEALS_AT_ONCE
    since: UUID | None = None
    while waiting := await audit_log.unsealed(work, since=since, limit=_EVENTS_AT_ONCE):
        for event in waiting:
            yield writer.row(_EVENTS.name, _plain(event))
        since = UUID(int=waiting[-1].id.int + 1)


def lines_of_seal(writer: ArchiveWriter, seal: Seal, events: Iterable[StoredEvent]) -> Iterator[bytes]:
    """Give a seal, then its lines in their order."""
    yield writer.row(_SEALS.name, _plain(seal))
    for event in sorted(events, key=lambda one: seal.sealed.index(one.id)):
        yield writer.row(_EVENTS.name, _plain(event))


def refuse_other_key(vault: Vault, head: ArchiveHead) -> None:
    """Refuse an archive whose audit log this installation could not check.

    Raises:
        AuditKeyMissingError: another key links its chain.
    """
    if head.audit_key not in {None, vault.chain_key_id.hex()}:
        raise AuditKeyMissingError


def verify_with_seals(vault: Vault, lines: Iterable[bytes]) -> None:
    """Read a clinic's archive to its end, and check each seal of its audit log.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: as `read_archive`.
        AuditKeyMissingError, AuditLogDiffersError: as `refuse_other_key` and `checked`.
    """
    head, rows = read_archive(lines)
    refuse_other_key(vault, head)
    for one in rows:
        if one.table in AUDIT_LOG:
            for _ in checked(vault, head, chain([one], rows)):
                pass


async def add_audit_log(work: Work, head: ArchiveHead, rows: Iterable[ArchivedRow]) -> int:
    """Write the audit log into this clinic, which has none yet; gives how many rows it has.

    Raises:
        ArchiveDamagedError, AuditLogDiffersError: as `checked`; or a line is there twice.
    """
    count, seals, events, months = 0, list[Seal](), list[StoredEvent](), list[AuditArchive]()

    async def write() -> None:
        try:
            await archived_tables.add_rows(work, _EVENTS, [values_of(one) for one in events])
            await archived_tables.add_rows(work, _SEALS, [values_of(one) for one in seals])
            await archived_tables.add_rows(work, _MONTHS, [values_of(one) for one in months])
        except ValueError:
            raise ArchiveDamagedError from None
        events.clear()
        seals.clear()
        months.clear()

    for record, its_events in checked(work.vault, head, rows):
        if isinstance(record, AuditArchive):
            months.append(record)
        elif record is not None:
            seals.append(record)
        events += its_events
        count += (record is not None) + len(its_events)
        if len(events) >= _EVENTS_AT_ONCE:
            await write()
    await write()
    return count


def checked(
    vault: Vault, head: ArchiveHead, rows: Iterable[ArchivedRow]
) -> Iterator[tuple[Seal | AuditArchive | None, list[StoredEvent]]]:
    """Give each archived month, each seal that fits the chain with its lines, and lines without a seal.

    Raises:
        ArchiveDamagedError: a row is none of the audit log's, or the archive does not say that it has one.
        AuditLogDiffersError: a seal does not fit its lines, or the seal before; or an archived month its seals.
    """
    if head.audit_key is None:
        raise ArchiveDamagedError
    before, records, archived = FIRST, records_in(rows), list[AuditArchive]()
    months = ArchivedMonths(vault, head.clinic_id, archived)
    for record in records:
        if isinstance(record, AuditArchive):
            archived.append(record)
            months = ArchivedMonths(vault, head.clinic_id, archived)
            yield record, []
            continue
        if isinstance(record, StoredEvent):
            yield None, [record]
            continue
        here = sum(not months.is_away(record, one) for one in record.sealed)
        events = [one for one in islice(records, here) if isinstance(one, StoredEvent)]
        follows = record.sequence == before.sequence + len(record.sealed)
        if not follows or record.event_id != record.sealed[-1]:
            raise AuditLogDiffersError
        if faults_of(vault, head.clinic_id, before, record, {one.id: one for one in events}, months):
            raise AuditLogDiffersError
        months.passed(record)
        before = head_of(record)
        yield record, events
    if months.faults():
        raise AuditLogDiffersError


def records_in(rows: Iterable[ArchivedRow]) -> Iterator[AuditArchive | Seal | StoredEvent]:
    """Give the audit log's records.

    Raises:
        ArchiveDamagedError: a row is none of them.
    """
    return map(_record, rows)


def _record(row: ArchivedRow) -> AuditArchive | Seal | StoredEvent:
    if row.table not in AUDIT_LOG:
        raise ArchiveDamagedError
    try:
        values = {one.name: from_plain(one, row.values.get(one.name)) for one in row.table.columns}
    except (ValueError, TypeError, AttributeError):
        raise ArchiveDamagedError from None
    if any(values[one.name] is None for one in row.table.columns if not one.nullable):
        raise ArchiveDamagedError
    if row.table is _MONTHS:
        return AuditArchive(**values)
    return Seal(**values) if row.table is _SEALS else StoredEvent(**values)


def _plain(record: AuditArchive | Seal | StoredEvent) -> dict[str, Any]:
    return {name: to_plain(value) for name, value in values_of(record).items()}
