"""The audit log in an installation's archive: each seal with its lines, checked again before they are imported.

Lines and seals move as they are, and whoever kept a head can hold it against the new installation. So that one needs
the key that links the chain: it comes with the encryption key, as for a restored backup.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final
from uuid import UUID

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
from app.storage import archived_tables, audit_log
from app.storage.archived_tables import AUDIT_LOG, from_plain, to_plain
from app.storage.audit_log import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import values_of

_SEALS, _EVENTS = AUDIT_LOG
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
    """Give each seal, its lines after it, then the lines that wait for their seal; ``work`` is a snapshot."""
    after, full = 0, True
    while full:
        some = await audit_log.seals_after(work, after, limit=_SEALS_AT_ONCE)
        for seal, events in some:
            yield writer.row(_SEALS.name, _plain(seal))
            for event_id in seal.sealed:
                if event_id in events:
                    yield writer.row(_EVENTS.name, _plain(events[event_id]))
        after, full = (some[-1][0].sequence if some else after), len(some) == _SEALS_AT_ONCE
    since: UUID | None = None
    while waiting := await audit_log.unsealed(work, since=since, limit=_EVENTS_AT_ONCE):
        for event in waiting:
            yield writer.row(_EVENTS.name, _plain(event))
        since = UUID(int=waiting[-1].id.int + 1)


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
    count, seals, events = 0, list[Seal](), list[StoredEvent]()

    async def write() -> None:
        try:
            await archived_tables.add_rows(work, _EVENTS, [values_of(one) for one in events])
            await archived_tables.add_rows(work, _SEALS, [values_of(one) for one in seals])
        except ValueError:
            raise ArchiveDamagedError from None
        events.clear()
        seals.clear()

    for seal, its_events in checked(work.vault, head, rows):
        seals += [] if seal is None else [seal]
        events += its_events
        count += (seal is not None) + len(its_events)
        if len(events) >= _EVENTS_AT_ONCE:
            await write()
    await write()
    return count


def checked(
    vault: Vault, head: ArchiveHead, rows: Iterable[ArchivedRow]
) -> Iterator[tuple[Seal | None, list[StoredEvent]]]:
    """Give each seal that fits the chain with its lines, and lines without a seal.

    Raises:
        ArchiveDamagedError: a row is none of the audit log's, or the archive does not say that it has one.
        AuditLogDiffersError: a seal does not fit its lines, or the seal before.
    """
    if head.audit_key is None:
        raise ArchiveDamagedError
    before, records = FIRST, (_record(one) for one in rows)
    for record in records:
        if isinstance(record, StoredEvent):
            yield None, [record]
            continue
        events = [one for one in islice(records, len(record.sealed)) if isinstance(one, StoredEvent)]
        follows = record.sequence == before.sequence + len(record.sealed)
        if not follows or record.event_id != record.sealed[-1]:
            raise AuditLogDiffersError
        if faults_of(vault, head.clinic_id, before, record, {one.id: one for one in events}):
            raise AuditLogDiffersError
        before = head_of(record)
        yield record, events


def _record(row: ArchivedRow) -> Seal | StoredEvent:
    if row.table not in AUDIT_LOG:
        raise ArchiveDamagedError
    try:
        values = {one.name: from_plain(one, row.values.get(one.name)) for one in row.table.columns}
    except (ValueError, TypeError, AttributeError):
        raise ArchiveDamagedError from None
    if any(values[one.name] is None for one in row.table.columns if not one.nullable):
        raise ArchiveDamagedError
    return Seal(**values) if row.table is _SEALS else StoredEvent(**values)


def _plain(record: Seal | StoredEvent) -> dict[str, Any]:
    return {name: to_plain(value) for name, value in values_of(record).items()}
