"""The archive's form: a head, one line of JSON a row, and an end with how many there were and their checksum.

Everything is text; what is sealed in the database stands opened. Whoever has the file can read it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from app.foundation.errors import RefusalError
from app.storage.archived_tables import AFTER_PATIENTS, AUDIT_LOG, OF_CLINIC, OF_PATIENT, ArchivedTable

FORMAT: Final = "afterglow-archive"
# Fields and tables may be added within a version; one that changes its meaning makes the next.
VERSION: Final = 1
Scope = Literal["clinic", "patient"]
# Tables that archives of before have: their rows are checked and passed over. Past levels of a trend are not taken
# along; the present one is made again from the check-ins.
_FORMER: Final = frozenset({"evaluations"})
_TABLES: Final = {one.name: one for one in (*OF_CLINIC, *OF_PATIENT, *AFTER_PATIENTS, *AUDIT_LOG)}


class NotAnArchiveError(RefusalError):
    """This file is not an archive of Afterglow's."""

    code = "not-an-archive"


class ArchiveDamagedError(RefusalError):
    """This archive is damaged: its checksum or its end does not fit. Please make or copy it again."""

    code = "archive-damaged"


class ArchiveNewerError(RefusalError):
    """This archive was made by a later version of Afterglow; update this installation first."""

    code = "archive-newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveHead:
    """What an archive says of itself.

    ``audit_key`` is what the key is known by that seals the audit log in it; None: that is not in it.
    """

    scope: Scope
    clinic_id: UUID
    made_at: datetime
    audit_key: str | None = None
    version: int = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRow:
    """One row in plain form."""

    table: ArchivedTable
    values: dict[str, Any]


class ArchiveWriter:
    """Writes an archive line by line, and its checksum at the end."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rows = 0

    def head(self, head: ArchiveHead) -> bytes:
        """Write the first line."""
        document = {
            "format": FORMAT,
            "version": head.version,
            "scope": head.scope,
            "clinic_id": str(head.clinic_id),
            "made_at": head.made_at.isoformat(),
        }
        return self._line(document | ({} if head.audit_key is None else {"audit_key": head.audit_key}))

    def row(self, table: str, values: dict[str, Any]) -> bytes:
        """Write one row."""
        self._rows += 1
        return self._line({"table": table, "row": values})

    def end(self) -> bytes:
        """Write the last line."""
        return encoded({"end": FORMAT, "rows": self._rows, "sha256": self._hash.hexdigest()})

    def _line(self, document: dict[str, Any]) -> bytes:
        line = encoded(document)
        self._hash.update(line)
        return line


def read_archive(lines: Iterable[bytes]) -> tuple[ArchiveHead, Iterator[ArchivedRow]]:
    """Read an archive; that it is whole shows when its last row was read.

    Raises:
        NotAnArchiveError: it does not begin as one.
        ArchiveNewerError: a later version made it, or it has tables that this one does not know.
        ArchiveDamagedError: a line, the end or the checksum is wrong; also while its rows are read.
    """
    rest = iter(lines)
    first = next(rest, b"")
    return _head(first), _rows(first, rest)


def verify(lines: Iterable[bytes]) -> tuple[ArchiveHead, dict[str, int]]:
    """Read an archive to its end; gives its head, and how many rows of each table it has.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: as `read_archive`.
    """
    head, rows = read_archive(lines)
    counts: dict[str, int] = {}
    for one in rows:
        counts[one.table.name] = counts.get(one.table.name, 0) + 1
    return head, counts


def encoded(document: dict[str, Any]) -> bytes:
    """Write a document as one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _head(line: bytes) -> ArchiveHead:
    try:
        said = json.loads(line)
        if said["format"] != FORMAT:
            raise NotAnArchiveError
        version = int(said["version"])
        if version > VERSION:
            raise ArchiveNewerError
        return ArchiveHead(
            scope=said["scope"],
            clinic_id=UUID(said["clinic_id"]),
            made_at=datetime.fromisoformat(said["made_at"]),
            audit_key=said.get("audit_key"),
            version=version,
        )
    except (ValueError, KeyError, TypeError):
        raise NotAnArchiveError from None


def _rows(first: bytes, rest: Iterator[bytes]) -> Iterator[ArchivedRow]:
    checksum = hashlib.sha256(first)
    for count, line in enumerate(rest):
        document = _document(line)
        if "end" in document:
            whole = document.get("rows") == count and document.get("sha256") == checksum.hexdigest()
            if not whole or next(rest, None) is not None:
                raise ArchiveDamagedError
            return
        checksum.update(line)
        table, values = document.get("table"), document.get("row")
        if table in _FORMER:
            continue
        if table not in _TABLES:
            raise ArchiveNewerError
        if not isinstance(values, dict):
            raise ArchiveDamagedError
        yield ArchivedRow(table=_TABLES[table], values=values)
    raise ArchiveDamagedError


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        raise ArchiveDamagedError from None
    if not isinstance(document, dict):
        raise ArchiveDamagedError
    return document
