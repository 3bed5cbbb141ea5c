"""A clinic's archived months while its chain is verified: their lines where the files are at hand, or across them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import UUID

from app.access.audit.faults import Fault, FaultKind
from app.foundation.vault import Vault
from app.storage.audit_archives import AuditArchive
from app.storage.audit_log import Seal
from app.storage.engine.audit import StoredEvent


class ArchiveFaultError(Exception):
    """A month's file cannot be read, or is not the one that was written; ``kind`` says which."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


MonthLines = Iterator[tuple[int, Sequence[StoredEvent]]]
"""What a file has of a clinic's month: the places where seals end, in order, each with its events."""
OpenMonth = Callable[[UUID, AuditArchive], tuple[MonthLines, bool]]
"""Opens a clinic's month and says whether it is as written; raises `ArchiveFaultError`, also while it is read."""


@dataclass(slots=True)
class _Month:
    archive: AuditArchive
    lines: MonthLines | None
    following: tuple[int, Sequence[StoredEvent]] | None = None
    seals: Any = field(default_factory=hashlib.sha256)
    faults: list[FaultKind] = field(default_factory=list)


class ArchivedMonths:
    """A clinic's archived months, while the seals are walked in their order.

    Seals stay in the database. What a month's lines were sealed with is vouched for by the month's mac, so that the
    chain holds across lines that are not at hand; with the files, each line is held against its seal as ever.
    """

    def __init__(
        self, vault: Vault, clinic_id: UUID, archives: Iterable[AuditArchive], opened: OpenMonth | None = None
    ) -> None:
        self._vault, self._clinic_id, self._months = vault, clinic_id, list[_Month]()
        for one in archives:
            month = _Month(one, None)
            self._months.append(month)
            try:
                month.lines, is_same = opened(clinic_id, one) if opened else (None, True)
                month.faults += [] if is_same else [FaultKind.ARCHIVE_DIFFERS]
            except ArchiveFaultError as error:
                month.faults.append(error.kind)

    def events_of(self, seal: Seal) -> dict[UUID, StoredEvent]:
        """Give those of a seal's events that lie in the files; each seal is asked for once, in order."""
        found = {}
        for month in self._months_of(seal):
            try:
                month.following = month.following or next(month.lines or iter(()), None)
                while month.following is not None and month.following[0] <= seal.sequence:
                    if month.following[0] == seal.sequence:
                        found.update({one.id: one for one in month.following[1]})
                    month.following = next(month.lines or iter(()), None)
            except ArchiveFaultError as error:
                month.faults.append(error.kind)
                month.lines = month.following = None
        return found

    def is_away(self, seal: Seal, event_id: UUID) -> bool:
        """Say whether an event lies in a file that is not read."""
        return any(
            month.lines is None and month.archive.holds(event_id, seal.sequence) for month in self._months
        )

    def passed(self, seal: Seal) -> None:
        """Note a seal that was walked past."""
        for month in self._months_of(seal):
            month.seals.update(seal_content(seal))

    def faults(self) -> list[Fault]:
        """Give what is wrong with the months, once all seals were walked past."""
        found = []
        for month in self._months:
            archive = month.archive
            mac = mac_of_month(self._vault, self._clinic_id, archive, month.seals.digest())
            kinds = [*month.faults, *([] if mac == archive.mac else [FaultKind.ARCHIVE_RECORD_CHANGED])]
            found += [
                Fault(
                    kind=kind,
                    sequence=archive.first_sequence,
                    to_sequence=archive.last_sequence,
                    month=archive.name,
                )
                for kind in dict.fromkeys(kinds)
            ]
        return found

    def _months_of(self, seal: Seal) -> list[_Month]:
        return [
            month
            for month in self._months
            if any(month.archive.holds(one, seal.sequence) for one in seal.sealed)
        ]


def seal_content(seal: Seal) -> bytes:
    """Write a seal in the one form that a month's mac is made from. It may never change."""
    plain = [seal.sequence, [one.hex for one in seal.sealed], (seal.marks or b"").hex(), seal.mac.hex()]
    return json.dumps(plain, separators=(",", ":")).encode()


def mac_of_month(vault: Vault, clinic_id: UUID, archive: AuditArchive, seals: bytes) -> bytes:
    """Vouch for what is kept of a clinic's archived month, and (by their SHA-256) for the seals of its lines."""
    numbers = (archive.lines, archive.first_sequence, archive.last_sequence)
    return vault.link(
        b"archived month",
        clinic_id.bytes,
        archive.id.bytes,
        archive.name.encode(),
        archive.first_id.bytes,
        archive.end_id.bytes,
        archive.archived_at.astimezone(UTC).isoformat(timespec="microseconds").encode(),
        archive.sha256,
        *(one.to_bytes(8, "big") for one in numbers),
        seals,
    )
