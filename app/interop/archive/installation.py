"""Every clinic of an installation in one file, and back: one clinic's archive after the other, under a common head.

Nothing leads from one clinic to another, so each is read at one moment of its own while the service runs. A file is
read to its end before the first clinic is imported; each is imported whole or not at all, and run again it goes on.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import BinaryIO, Final
from uuid import UUID

from app.access.audit.seals import seal_clinic
from app.access.clinics.commands import OpenedClinic, close_clinic
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.interop.archive.archive_file import (
    FORMAT,
    VERSION,
    ArchiveDamagedError,
    ArchiveHead,
    ArchiveNewerError,
    NotAnArchiveError,
    encoded,
    read_archive,
    verify,
)
from app.interop.archive.audit_log import verify_with_seals
from app.interop.archive.importing import import_clinic
from app.interop.archive.making import archive_of_clinic
from app.storage import clinics

SCOPE: Final = "installation"
_END: Final = b'{"end":'


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationHead:
    """What the file says of itself: how many clinics follow, which of them are closed, and since when.

    ``closed``: None where a file of an earlier version does not say it.
    """

    clinics: int
    closed: dict[UUID, datetime | None]
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicImported:
    """What became of one clinic; ``opened`` is None where it was here already, and nothing was changed."""

    clinic_id: UUID
    patients: int
    opened: OpenedClinic | None


def is_of_installation(first: bytes) -> bool:
    """Whether a file's first line says that it holds a whole installation."""
    try:
        said = json.loads(first)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("format") == FORMAT and said.get("scope") == SCOPE


async def archive_of_installation(context: AppContext) -> AsyncIterator[bytes]:
    """Give the lines of the archives of every clinic, also of the closed ones, each with its audit log."""
    async with context.work(None) as work:
        every = await clinics.every_clinic(work)
        since = await clinics.closed_since(work)
        yield encoded(
            {
                "format": FORMAT,
                "version": VERSION,
                "scope": SCOPE,
                "clinics": len(every),
                "closed": [str(clinic_id) for clinic_id, state in every if state == "closed"],
                "closed_at": {str(clinic_id): at.isoformat() for clinic_id, at in since.items()},
                "made_at": work.real_now.isoformat(),
            }
        )
    for clinic_id, _ in every:
        # Only what is sealed can be checked where it is imported.
        await seal_clinic(context.database, context.vault, clinic_id, whole=True)
        async with context.work(clinic_id, actor=OPERATOR, snapshot=True) as work:
            async for line in archive_of_clinic(work, with_audit_log=True):
                yield line


def verify_installation(
    lines: Iterable[bytes],
) -> tuple[InstallationHead, list[tuple[ArchiveHead, dict[str, int]]]]:
    """Read the file to its end; gives its head, and of each clinic the head and how many rows each table has.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: as `read_archive`.
    """
    head, archives = _clinics_in(lines)
    return head, [verify(archive) for archive in archives]


async def import_installation(
    context: AppContext, opened_again: Callable[[], BinaryIO], *, with_audit_log: bool = True
) -> AsyncIterator[ClinicImported]:
    """Import every clinic that is not here yet, and give each once it is.

    ``opened_again`` gives the file from its beginning. A clinic's first key is shown nowhere again, so whoever takes
    it from here shows it before the next clinic is imported.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: nothing is imported.
        AuditKeyMissingError, AuditLogDiffersError: the same; not where the audit logs are left out.
    """
    with opened_again() as file:
        head, archives = _clinics_in(file)
        for archive in archives:
            if with_audit_log:
                verify_with_seals(context.vault, archive)
            else:
                verify(archive)
    with opened_again() as file:
        for archive in _clinics_in(file)[1]:
            first = next(archive, b"")
            clinic_id = read_archive([first])[0].clinic_id
            found = None
            async with context.work(clinic_id, actor=OPERATOR) as work:
                if await clinics.profile(work) is None:
                    found = await import_clinic(work, chain([first], archive), with_audit_log=with_audit_log)
                    if clinic_id in head.closed:
                        await close_clinic(work, closed_at=head.closed[clinic_id])
            yield ClinicImported(
                clinic_id=clinic_id,
                patients=len(found.patients) if found else 0,
                opened=found.opened if found else None,
            )


def _clinics_in(lines: Iterable[bytes]) -> tuple[InstallationHead, Iterator[Iterator[bytes]]]:
    rest = iter(lines)
    head = _head(next(rest, b""))
    return head, archives_in(rest, head.clinics)


def _head(line: bytes) -> InstallationHead:
    try:
        said = json.loads(line)
        if said["format"] != FORMAT or said["scope"] != SCOPE:
            raise NotAnArchiveError
        if int(said["version"]) > VERSION:
            raise ArchiveNewerError
        since = said.get("closed_at", {})
        return InstallationHead(
            clinics=int(said["clinics"]),
            closed={UUID(one): _moment(since.get(one)) for one in said["closed"]},
            made_at=datetime.fromisoformat(said["made_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAnArchiveError from None


def _moment(said: str | None) -> datetime | None:
    if said is None:
        return None
    moment = datetime.fromisoformat(said)
    if moment.tzinfo is None:
        raise ValueError(said)
    return moment


def archives_in(rest: Iterator[bytes], count: int) -> Iterator[Iterator[bytes]]:
    """Give each clinic's lines; what its reader leaves is passed over."""
    for _ in range(count):
        archive = _to_the_end(rest)
        yield archive
        for _line in archive:
            pass
    if next(rest, None) is not None:
        raise ArchiveDamagedError


def _to_the_end(rest: Iterator[bytes]) -> Iterator[bytes]:
    for line in rest:
        yield line
        if line.startswith(_END):
            return
    raise ArchiveDamagedError
