"""The audit log's seals: each event gets a link of an HMAC chain, which is verified, and exported with its head."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final
from uuid import UUID

from app.foundation.errors import OperatorError
from app.foundation.vault import Vault
from app.storage import audit_log
from app.storage.audit_log import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.database import Database
from app.storage.engine.rows import values_of
from app.storage.engine.unit_of_work import UnitOfWork

FIRST_LINK: Final = bytes(32)
"""What the chain's first link follows."""
_AT_ONCE: Final = 1000
# Ids are made before the commit that shows them, so an event may turn up behind the head. No transaction lives
# this long, and no two machines' clocks are this far apart; what is older still, a whole look finds.
_LATE_BY: Final = timedelta(hours=1)
# Where a UUIDv7 keeps its milliseconds since 1970 (RFC 9562).
_TIME_SHIFT: Final = 80


async def seal_clinic(database: Database, vault: Vault, clinic_id: UUID, *, whole: bool) -> int:
    """Seal what has no seal yet, in the order of the ids; gives how many events.

    ``whole`` looks through the whole audit log, else only from an hour before the head on: the cost of a sweep must
    not grow with the audit log. While another sealer is at this clinic, it is left to that one.
    """
    count, since, full = 0, None, True
    while full:
        async with database.work(clinic_id) as work:
            # The head is read by a statement after the turn was taken, or it could be the one before.
            if not await audit_log.lock_for_update(work):
                break
            sealed = await _seal_some(work, vault, since=since, whole=whole)
            await work.commit()
        count, full = count + len(sealed), len(sealed) == _AT_ONCE
        # Nor is what this look has passed looked at again.
        since = sealed[-1].event_id if sealed else None
    return count


async def _seal_some(work: UnitOfWork, vault: Vault, *, since: UUID | None, whole: bool) -> list[Seal]:
    head = await audit_log.head(work)
    if since is None and head is not None and not whole:
        since = _floor_of(head.event_id)
    events = await audit_log.unsealed(work, since=since, limit=_AT_ONCE)
    sequence, mac = (head.sequence, head.mac) if head else (0, FIRST_LINK)
    seals = []
    for event in events:
        sequence += 1
        mac = link(vault, mac, work.clinic_id, sequence, event)
        seals.append(Seal(sequence=sequence, event_id=event.id, mac=mac))
    if seals:
        await audit_log.add(work, seals)
    return seals


def link(vault: Vault, previous: bytes, clinic_id: UUID, sequence: int, event: StoredEvent) -> bytes:
    """Make the link of an event at this place, after this link."""
    return vault.link(previous, clinic_id.bytes, sequence.to_bytes(8, "big"), canonical(event))


def canonical(event: StoredEvent) -> bytes:
    """Write an event in the one form that is sealed. It may never change: old seals are checked by it.

    A field that came later is left out where it holds nothing, so that events of before it read as they did.
    """
    plain = {name: _plain(value) for name, value in values_of(event).items()}
    if plain["emergency_id"] is None:
        del plain["emergency_id"]
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def _plain(value: UUID | datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return None if value is None else str(value)


def _floor_of(event_id: UUID) -> UUID:
    """Give an id that is smaller than all that were made from an hour before this one on."""
    milliseconds = (event_id.int >> _TIME_SHIFT) - int(_LATE_BY / timedelta(milliseconds=1))
    return UUID(int=max(milliseconds, 0) << _TIME_SHIFT)


class FaultKind(StrEnum):
    """What can be wrong with an audit log."""

    # The event, its seal or their order: the link does not fit.
    CHANGED = "changed"
    EVENT_REMOVED = "event_removed"
    SEALS_REMOVED = "seals_removed"
    HEAD_CUT = "head_cut"
    HEAD_DIFFERS = "head_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: of which kind, at which seals (from and to are the same for one), about which event."""

    kind: FaultKind
    sequence: int
    to_sequence: int
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain as someone kept it: it vouches for everything up to there."""

    sequence: int
    mac: bytes


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was found out about one clinic's audit log."""

    clinic_id: UUID
    sealed: int = 0
    unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)
    head: Head | None = None


async def verify(database: Database, vault: Vault, clinic_id: UUID, *, kept: Head | None = None) -> Verified:
    """Walk a clinic's chain. With a kept head, prove besides that nothing up to there was cut off."""
    found, before = Verified(clinic_id=clinic_id), Head(sequence=0, mac=FIRST_LINK)
    async for seal, event in sealed_events(database, clinic_id):
        found.faults += _faults_of(vault, clinic_id, before, seal, event)
        before = Head(sequence=seal.sequence, mac=seal.mac)
        found.head, found.sealed = before, found.sealed + 1
    async with database.work(clinic_id) as work:
        found.unsealed = await audit_log.count_unsealed(work)
        if kept is not None:
            found.faults += _against(kept, found.head, await audit_log.find(work, kept.sequence))
    return found


async def sealed_events(
    database: Database, clinic_id: UUID
) -> AsyncIterator[tuple[Seal, StoredEvent | None]]:
    """Give a clinic's seals in their order, each with its event (None: it is gone), a few at a time."""
    after, full = 0, True
    while full:
        async with database.work(clinic_id) as work:
            some = await audit_log.sealed_events(work, after=after, limit=_AT_ONCE)
        for one in some:
            yield one
        after, full = (some[-1][0].sequence if some else after), len(some) == _AT_ONCE


def _faults_of(
    vault: Vault, clinic_id: UUID, before: Head, seal: Seal, event: StoredEvent | None
) -> list[Fault]:
    """Each link is checked against the stored link before it, so that one fault does not hide the next."""
    faults, first = [], before.sequence + 1
    if gap := seal.sequence > first:
        removed = FaultKind.SEALS_REMOVED
        faults.append(Fault(kind=removed, sequence=first, to_sequence=seal.sequence - 1))
    here = partial(Fault, sequence=seal.sequence, to_sequence=seal.sequence, event_id=seal.event_id)
    if event is None:
        faults.append(here(kind=FaultKind.EVENT_REMOVED))
    # Right behind a gap nothing can be said of this one: the link before it is not known.
    elif not gap and link(vault, before.mac, clinic_id, seal.sequence, event) != seal.mac:
        faults.append(here(kind=FaultKind.CHANGED))
    return faults


def _against(kept: Head, head: Head | None, there: Seal | None) -> list[Fault]:
    """Compare with a head that was kept outside."""
    last = head.sequence if head else 0
    if kept.sequence > last:
        return [Fault(kind=FaultKind.HEAD_CUT, sequence=last + 1, to_sequence=kept.sequence)]
    if there is None or there.mac != kept.mac:
        return [Fault(kind=FaultKind.HEAD_DIFFERS, sequence=kept.sequence, to_sequence=kept.sequence)]
    return []


HEAD: Final = "head"
_HEAD_BEGINS: Final = '{"head"'


class HeadNotReadableError(OperatorError):
    """This is no head: expected is a file that `audit export` wrote, or SEQUENCE:MAC with --clinic."""


async def lines(database: Database, clinic_id: UUID) -> AsyncIterator[str]:
    """Write a clinic's audit log line by line: each sealed event with its seal, then the head."""
    last: Seal | None = None
    async for seal, event in sealed_events(database, clinic_id):
        last = seal
        yield _line(clinic_id, seal, event=_exporting_plain(event))
    if last is not None:
        yield json.dumps({HEAD: _head(clinic_id, last)})


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


def _line(clinic_id: UUID, seal: Seal, *, event: dict[str, Any] | None) -> str:
    return json.dumps(_head(clinic_id, seal) | {"event_id": str(seal.event_id), "event": event})


def _head(clinic_id: UUID, seal: Seal) -> dict[str, Any]:
    return {"clinic_id": str(clinic_id), "sequence": seal.sequence, "mac": seal.mac.hex()}


def _exporting_plain(event: StoredEvent | None) -> dict[str, Any] | None:
    """Plain values; None where the event is gone, which `audit verify` reports."""
    if event is None:
        return None
    values = {name: value if value is None else str(value) for name, value in values_of(event).items()}
    return values | {"at": event.at.isoformat()}
