"""Months of the audit log as sealed files: written, read back, taken out of the database, verified, and brought back.

A file is a sealed stream of what gzip made of lines of JSON: a head, then of each clinic an archive with the seals of
that month's lines, each before its lines.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from app.access.audit.archived_months import ArchiveFaultError, MonthLines, mac_of_month, seal_content
from app.access.audit.faults import FaultKind
from app.access.audit.seals import seal_clinic, verified_within
from app.context import AppContext
from app.foundation.audit import OPERATOR, AuditEvent
from app.foundation.errors import OperatorError, RefusalError
from app.foundation.ids import new_id
from app.foundation.keyset import Keyset
from app.foundation.sealed_stream import SealedStreamError, StreamSealer, open_stream
from app.interop.archive.archive_file import ArchiveHead, ArchiveWriter, encoded, read_archive
from app.interop.archive.audit_log import lines_of_seal, records_in
from app.interop.archive.installation import archives_in
from app.storage import audit_archives
from app.storage.audit_archives import AuditArchive, LogMonth
from app.storage.audit_log import Seal
from app.storage.engine.archive import complete_or_absent
from app.storage.engine.audit import StoredEvent, audit_values
from app.storage.engine.rows import values_of

FORMAT: Final = "afterglow-audit-month"
_NAME: Final = "afterglow-audit-{}.sealed"
_PIECE_BYTES: Final = 1 << 20
_GZIP: Final = 31
# What is still undone, merged, sealed late or looked for every day is younger than this.
_YOUNGEST: Final = timedelta(days=90)
_UNREADABLE: Final = (SealedStreamError, RefusalError, zlib.error, ValueError, KeyError, TypeError, OSError)


class MonthTooYoungError(OperatorError):
    """Only months that were over 90 days ago can be archived: name an earlier one (`--before YYYY-MM`)."""


class ReadBackError(OperatorError):
    """What was read back from the file is not what was written; the month was left as it is."""


class FileInTheWayError(OperatorError):
    """The folder has a file of this name with other lines; it and the month stay as they are: name another folder."""


class NoMonthInFileError(OperatorError):
    """This file holds no archived month of this installation, or was changed: `afterglow audit verify` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthArchived:
    """What became of a month: ``kept_for`` says why it stayed; None: it lies in the file."""

    name: str
    file: Path
    lines: int
    clinics: int
    sha256: str = ""
    kept_for: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Part:
    """One clinic's part of a month while it is written."""

    lines: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    seals: Any = field(default_factory=hashlib.sha256)


class _Writer:
    """Packs and seals lines as they come, and keeps the checksum of what it was given."""

    def __init__(self, file: IO[bytes], keyset: Keyset) -> None:
        self._sealer, self._packer, self._waiting = (
            StreamSealer(file, keyset),
            zlib.compressobj(wbits=_GZIP),
            b"",
        )
        self.checksum = hashlib.sha256()

    def write(self, line: bytes) -> None:
        self.checksum.update(line)
        self._add(self._packer.compress(line))

    def finish(self) -> None:
        self._add(self._packer.flush())
        self._sealer.write(self._waiting)
        self._sealer.finish()

    def _add(self, packed: bytes) -> None:
        self._waiting += packed
        while len(self._waiting) >= _PIECE_BYTES:
            self._sealer.write(self._waiting[:_PIECE_BYTES])
            self._waiting = self._waiting[_PIECE_BYTES:]


def file_of(folder: Path, name: str) -> Path:
    """Name the file of a month, such as ``2026_05``."""
    return folder / _NAME.format(name.replace("_", "-"))


async def archive_months(
    context: AppContext, owner_url: str, keyset: Keyset, *, before: datetime, folder: Path
) -> list[MonthArchived]:
    """Archive each month that was over at a moment, oldest first; gives what became of each.

    Raises:
        MonthTooYoungError: nothing was done.
        ArchivingElsewhereError: same.
        AuditLogFaultyError, ReadBackError, LogInUseError, LinesCameMeanwhileError, FileInTheWayError: of the month
            that this is about nothing was taken out; those before it are archived.
    """
    if before > context.clock.now() - _YOUNGEST:
        raise MonthTooYoungError(MonthTooYoungError.__doc__)
    with audit_archives.alone(owner_url):
        return [
            await _archive_month(context, owner_url, keyset, month, file_of(folder, month.name))
            for month in audit_archives.months_before(owner_url, before)
        ]


async def _archive_month(
    context: AppContext, owner_url: str, keyset: Keyset, month: LogMonth, file: Path
) -> MonthArchived:
    counts = audit_archives.clinics_in(owner_url, month)
    reasons, sha256 = audit_archives.needed(owner_url, month), ""
    if not reasons:
        _refuse_to_replace(file, keyset, month.name, set(counts))
        for clinic_id in counts:
            await seal_clinic(context.database, context.vault, clinic_id, whole=True)
        parts = await _write_file(context, keyset, month, list(counts), file)
        if {clinic_id: one.lines for clinic_id, one in parts.items()} != counts:
            raise audit_archives.LinesCameMeanwhileError(audit_archives.LinesCameMeanwhileError.__doc__)
        sha256 = _sha256(file).hex()
        reasons = _take_out(context, owner_url, month, parts, sha256)
        if reasons:
            _remove(file)
    return MonthArchived(
        name=month.name,
        file=file,
        lines=sum(counts.values()),
        clinics=len(counts),
        sha256=sha256,
        kept_for=tuple(reasons),
    )


def _refuse_to_replace(file: Path, keyset: Keyset, name: str, clinics: set[UUID]) -> None:
    """Replace only what an archiving that was broken off, or a restored month, left: its lines are in the log."""
    if not file.exists():
        return
    try:
        is_left_over = {clinic_id for clinic_id, _ in _clinics_in(file, keyset, name)} <= clinics
    except _UNREADABLE:
        is_left_over = False
    if not is_left_over:
        raise FileInTheWayError(FileInTheWayError.__doc__)


def _remove(file: Path) -> None:
    file.unlink()


async def _write_file(
    context: AppContext, keyset: Keyset, month: LogMonth, clinics: Sequence[UUID], file: Path
) -> dict[UUID, _Part]:
    """Write a month's file, and give it its name once it was read back."""
    head = {
        "format": FORMAT,
        "version": 1,
        "name": month.name,
        "first_id": str(month.first_id),
        "end_id": str(month.end_id),
        "clinics": len(clinics),
    }
    with complete_or_absent(file) as unfinished:
        with unfinished.open("wb") as out:
            writer = _Writer(out, keyset)
            writer.write(encoded(head))
            parts = {one: await _write_clinic(context, writer, month, one) for one in clinics}
            writer.finish()
        read = hashlib.sha256()
        for line in _lines_in(unfinished, keyset):
            read.update(line)
        if read.digest() != writer.checksum.digest():
            raise ReadBackError(ReadBackError.__doc__)
    return parts


async def _write_clinic(context: AppContext, writer: _Writer, month: LogMonth, clinic_id: UUID) -> _Part:
    part, archive = _Part(), ArchiveWriter()
    head = ArchiveHead(
        scope="clinic",
        clinic_id=clinic_id,
        made_at=context.clock.now(),
        audit_key=context.vault.chain_key_id.hex(),
    )
    writer.write(archive.head(head))
    database, vault = context.database, context.vault
    async for seal, events in verified_within(database, vault, clinic_id, month.first_id, month.end_id):
        for line in lines_of_seal(archive, seal, events):
            writer.write(line)
        part.lines += len(events)
        if events and not part.first_sequence:
            part.first_sequence = seal.first_sequence + seal.sealed.index(events[0].id)
        # Seals after it do not count, should a line of that time come late.
        part.last_sequence = seal.sequence
        part.seals.update(seal_content(seal))
    writer.write(archive.end())
    return part


def _take_out(
    context: AppContext, owner_url: str, month: LogMonth, parts: Mapping[UUID, _Part], sha256: str
) -> list[str]:
    archive_id, now, rows = new_id(), context.clock.now(), list[dict[str, Any]]()
    for clinic_id, part in parts.items():
        one = AuditArchive(
            id=archive_id,
            name=month.name,
            first_id=month.first_id,
            end_id=month.end_id,
            archived_at=now,
            sha256=bytes.fromhex(sha256),
            lines=part.lines,
            first_sequence=part.first_sequence,
            last_sequence=part.last_sequence,
            mac=b"",
        )
        one.mac = mac_of_month(context.vault, clinic_id, one, part.seals.digest())
        rows.append(audit_archives.kept_row(one, clinic_id=clinic_id))
    lines = [_audit_line("audit_log.archived", archive_id, clinic_id, now) for clinic_id in parts]
    count = sum(one.lines for one in parts.values())
    return audit_archives.take_out(owner_url, month, rows, lines, count=count)


def _audit_line(action: str, archive_id: UUID, clinic_id: UUID, now: datetime) -> dict[str, Any]:
    event = AuditEvent(
        at=now, actor=OPERATOR, action=action, subject_kind="audit_archive", subject_id=archive_id
    )
    return audit_values(event, clinic_id=clinic_id, id=new_id())


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRestored:
    """A month that is in the log again.

    Attributes:
        name: the month, such as ``2026_05``.
        lines: how many came back.
        other_clinics: how many more clinics have lines in the file, which another installation may have nowhere else.
    """

    name: str
    lines: int
    other_clinics: int


def restore_month(context: AppContext, owner_url: str, keyset: Keyset, file: Path) -> MonthRestored:
    """Bring the lines of a month back from its file.

    Raises:
        NoMonthInFileError: nothing that is kept of an archived month fits the file.
        ArchivingElsewhereError, LogInUseError, NotRestorableError: nothing was changed.
    """
    with audit_archives.alone(owner_url):
        return _restore_month(context, owner_url, keyset, file)


def _restore_month(context: AppContext, owner_url: str, keyset: Keyset, file: Path) -> MonthRestored:
    archives = audit_archives.archived_in(owner_url, _sha256(file)) if file.is_file() else {}
    if not archives:
        raise NoMonthInFileError(NoMonthInFileError.__doc__)
    one, now = next(iter(archives.values())), context.clock.now()
    month = LogMonth(name=one.name, first_id=one.first_id, end_id=one.end_id)
    lines = [_audit_line("audit_log.restored", one.id, clinic_id, now) for clinic_id in archives]
    others = set[UUID]()

    def stored() -> Iterator[dict[str, Any]]:
        for clinic_id, seals in _clinics_in(file, keyset, one.name):
            if clinic_id not in archives:
                others.add(clinic_id)
                continue
            for _, events in seals:
                yield from ({"clinic_id": clinic_id, **values_of(event)} for event in events)

    count = audit_archives.bring_back(owner_url, month, one.id, stored(), lines)
    return MonthRestored(name=one.name, lines=count, other_clinics=len(others))


class MonthFiles:
    """The files of archived months in a folder, read for one clinic after the other, in the order of their ids."""

    def __init__(self, folder: Path, keyset: Keyset) -> None:
        self._folder, self._keyset = folder, keyset
        self._checksums: dict[Path, bytes] = {}
        # Each as far as it was read, and up to which clinic.
        self._open: dict[Path, tuple[UUID, Iterator[tuple[UUID, MonthLines]]]] = {}

    def open(self, clinic_id: UUID, archive: AuditArchive) -> tuple[MonthLines, bool]:
        """Open a clinic's month, and say whether its file is the one that was written.

        Another one is read as far as it goes, so that what was changed in it can be named.

        Raises:
            ArchiveFaultError: its file is missing; or, while it is read, no such month.
        """
        file = file_of(self._folder, archive.name)
        if not file.is_file():
            raise ArchiveFaultError(FaultKind.ARCHIVE_MISSING)
        if file not in self._checksums:
            self._checksums[file] = _sha256(file)
        return self._lines(file, clinic_id, archive.name), self._checksums[file] == archive.sha256

    def _lines(self, file: Path, clinic_id: UUID, name: str) -> MonthLines:
        upto, clinics = self._open.get(file, (clinic_id, None))
        if clinics is None or clinic_id <= upto:
            clinics = _clinics_in(file, self._keyset, name)
        try:
            for whose, lines in clinics:
                self._open[file] = whose, clinics
                if whose == clinic_id:
                    yield from lines
                    return
        except _UNREADABLE:
            pass
        raise ArchiveFaultError(FaultKind.ARCHIVE_DIFFERS)


def _clinics_in(file: Path, keyset: Keyset, name: str) -> Iterator[tuple[UUID, MonthLines]]:
    """Give each clinic of a file with its seals' places and their lines, to be read in this order."""
    lines = _lines_in(file, keyset)
    head = json.loads(next(lines))
    if (head["format"], head["version"], head["name"]) != (FORMAT, 1, name):
        raise ValueError(FORMAT)
    for archive in archives_in(lines, head["clinics"]):
        clinic, rows = read_archive(archive)
        yield clinic.clinic_id, _seals_in(records_in(rows))


def _seals_in(records: Iterator[AuditArchive | Seal | StoredEvent]) -> MonthLines:
    place, events = 0, list[StoredEvent]()
    for one in records:
        if isinstance(one, StoredEvent):
            events.append(one)
        elif isinstance(one, Seal):
            if events:
                yield place, events
            place, events = one.sequence, []
    if events:
        yield place, events


def _lines_in(file: Path, keyset: Keyset) -> Iterator[bytes]:
    unpacking, rest = zlib.decompressobj(wbits=_GZIP), b""
    with file.open("rb") as sealed:
        for piece in open_stream(sealed, keyset):
            *lines, rest = (rest + unpacking.decompress(piece)).split(b"\n")
            for line in lines:
                yield line + b"\n"
    if rest or not unpacking.eof:
        raise ValueError(FORMAT)


def _sha256(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
