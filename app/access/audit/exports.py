"""The audit log as an export: line by line with the seals, then its head, which is read back from there."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final
from uuid import UUID

from app.access.audit.seals import Head, sealed_events
from app.foundation.errors import OperatorError
from app.storage.engine.audit import StoredEvent
from app.storage.engine.database import Database
from app.storage.engine.rows import values_of

HEAD: Final = "head"
_HEAD_BEGINS: Final = '{"head"'


class HeadNotReadableError(OperatorError):
    """This is no head: expected is a file that `audit export` wrote, or SEQUENCE:MAC with --clinic."""


async def lines(database: Database, clinic_id: UUID) -> AsyncIterator[str]:
    """Write a clinic's audit log line by line: each sealed event with its seal, then the head."""
    last = None
    async for sequence, event_id, mark, event in sealed_events(database, clinic_id):
        last = {"clinic_id": str(clinic_id), "sequence": sequence, "mac": mark.hex()}
        yield json.dumps(last | {"event_id": str(event_id), "event": _exporting_plain(event)})
    if last is not None:
        yield json.dumps({HEAD: last})


def heads_in(written: Iterable[str]) -> dict[UUID, Head]:
    """Read the heads back from an export, by clinic.

    Raises:
        HeadNotReadableError: it is not an export, or nothing was sealed in it.
    """
    found = {}
    try:
        for line in written:
            if line.startswith(_HEAD_BEGINS):
                plain = json.loads(line)[HEAD]
                head = Head(sequence=int(plain["sequence"]), mac=bytes.fromhex(plain["mac"]))
                found[UUID(plain["clinic_id"])] = head
    except (ValueError, KeyError, TypeError):
        found = {}
    if not found:
        raise HeadNotReadableError(HeadNotReadableError.__doc__)
    return found


def head_said(text: str) -> Head:
    """Read a head as ``head_text`` writes it.

    Raises:
        HeadNotReadableError: it is not one.
    """
    sequence, colon, mac = text.partition(":")
    try:
        return Head(sequence=int(sequence), mac=bytes.fromhex(mac if colon else "-"))
    except ValueError:
        raise HeadNotReadableError(HeadNotReadableError.__doc__) from None


def head_text(head: Head) -> str:
    """Write a head as one word."""
    return f"{head.sequence}:{head.mac.hex()}"


def _exporting_plain(event: StoredEvent | None) -> dict[str, Any] | None:
    """Plain values; None where the event is gone, which `audit verify` reports."""
    if event is None:
        return None
    values = {name: value if value is None else str(value) for name, value in values_of(event).items()}
    return values | {"at": event.at.isoformat()}
