"""The audit log's seals: links of an HMAC chain over one event or several, verified, and exported with the head."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import Any, Final
from uuid import UUID

from app.access.audit.archived_months import ArchivedMonths, OpenMonth
from app.access.audit.faults import Fault, FaultKind
from app.foundation.errors import OperatorError
from app.foundation.vault import Vault
from app.storage import audit_archives, audit_log
from app.storage.audit_archives import AuditArchive
from app.storage.audit_log import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.database import Database
from app.storage.engine.rows import values_of
from app.storage.engine.unit_of_work import UnitOfWork

_AT_ONCE: Final = 1000
_SEALS_AT_ONCE: Final = 100
# Enough of an event's mac to say which of several was changed; that one of them was, the whole link says.
_MARK_BYTES: Final = 8
# Ids are made before the commit that shows them, so an event may turn up behind the head. No transaction lives
# this long, and no two machines' clocks are this far apart; what is older still, a whole look finds.
_LATE_BY: Final = timedelta(hours=1)
# Where a UUIDv7 keeps its milliseconds since 1970 (RFC 9562).
_TIME_SHIFT: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain as someone kept it: it vouches for everything up to there."""

    sequence: int
    mac: bytes


FIRST: Final = Head(sequence=0, mac=bytes(32))
"""What the chain's first link follows."""


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
        since = sealed[-1] if sealed else None
    return count


async def _seal_some(work: UnitOfWork, vault: Vault, *, since: UUID | None, whole: bool) -> Sequence[UUID]:
    head = await audit_log.head(work)
    if since is None and head is not None and not whole:
        since = _floor_of(head.event_id)
    events = await audit_log.unsealed(work, since=since, limit=_AT_ONCE)
    if not events:
        return ()
    seal = _sealed(vault, work.clinic_id, events, after=head_of(head))
    await audit_log.add(work, seal)
    return seal.sealed


def _sealed(vault: Vault, clinic_id: UUID, events: Sequence[StoredEvent], *, after: Head) -> Seal:
    """Make the seal that follows a link. One event is linked as such; of several the macs are, beside their marks."""
    last = after.sequence + len(events)
    if len(events) == 1:
        return Seal(
            sequence=last, event_id=events[0].id, mac=_link(vault, after.mac, clinic_id, last, events[0])
        )
    places = range(after.sequence + 1, last + 1)
    macs = [_mac(vault, clinic_id, place, one) for place, one in zip(places, events, strict=True)]
    return Seal(
        sequence=last,
        event_id=events[-1].id,
        event_ids=[one.id for one in events],
        marks=b"".join(one[:_MARK_BYTES] for one in macs),
        mac=_link_of_several(vault, after.mac, clinic_id, last, macs),
    )


def _link(vault: Vault, previous: bytes, clinic_id: UUID, sequence: int, event: StoredEvent) -> bytes:
    return vault.link(previous, clinic_id.bytes, sequence.to_bytes(8, "big"), canonical(event))


def _mac(vault: Vault, clinic_id: UUID, sequence: int, event: StoredEvent) -> bytes:
    """Vouch for an event at its place, whatever the others are."""
    return _link(vault, b"", clinic_id, sequence, event)


def _link_of_several(
    vault: Vault, previous: bytes, clinic_id: UUID, sequence: int, macs: Sequence[bytes]
) -> bytes:
    return vault.link(previous, clinic_id.bytes, sequence.to_bytes(8, "big"), *macs)


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


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was found out about one clinic's audit log.

    ``archived``: its archived months; ``read_archives``: whether their lines were verified, too.
    """

    clinic_id: UUID
    sealed: int = 0
    unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)
    head: Head | None = None
    archived: list[AuditArchive] = field(default_factory=list)
    read_archives: bool = False


async def verify(
    database: Database,
    vault: Vault,
    clinic_id: UUID,
    *,
    kept: Head | None = None,
    open_month: OpenMonth | None = None,
) -> Verified:
    """Walk a clinic's chain. With a kept head, prove besides that nothing up to there was cut off.

    ``open_month`` reads the lines of archived months; without it, the chain is verified across them.
    """
    archived = await _archived(database, clinic_id)
    found = await _walked(database, vault, clinic_id, archived, kept, open_month)
    # A month that becomes a file while the chain is walked takes lines along that were not looked at yet: look again.
    while found.faults and (now := await _archived(database, clinic_id)) != archived:
        archived = now
        found = await _walked(database, vault, clinic_id, archived, kept, open_month)
    return found


async def _archived(database: Database, clinic_id: UUID) -> list[AuditArchive]:
    async with database.work(clinic_id) as work:
        return await audit_archives.of_clinic(work)


async def _walked(
    database: Database,
    vault: Vault,
    clinic_id: UUID,
    archived: list[AuditArchive],
    kept: Head | None,
    open_month: OpenMonth | None,
) -> Verified:
    found, before, there = Verified(clinic_id=clinic_id, archived=archived), FIRST, None
    found.read_archives = open_month is not None
    months = ArchivedMonths(vault, clinic_id, archived, open_month)
    async for seal, events in _seals(database, clinic_id):
        there_or_archived = {**months.events_of(seal), **events}
        found.faults += faults_of(vault, clinic_id, before, seal, there_or_archived, months)
        months.passed(seal)
        before = head_of(seal)
        there = before if kept is not None and before.sequence == kept.sequence else there
        found.head, found.sealed = before, found.sealed + len(seal.sealed)
    found.faults += months.faults()
    async with database.work(clinic_id) as work:
        found.unsealed = await audit_log.count_unsealed(work)
    if kept is not None:
        found.faults += _against(kept, found.head, there)
    return found


async def _seals(
    database: Database, clinic_id: UUID, within: tuple[UUID, UUID] | None = None
) -> AsyncIterator[tuple[Seal, Mapping[UUID, StoredEvent]]]:
    """Give a clinic's seals in their order, each with those of its events that are there, a few at a time."""
    after, full = 0, True
    while full:
        async with database.work(clinic_id) as work:
            some = await audit_log.seals_after(work, after, limit=_SEALS_AT_ONCE, within=within)
        for one in some:
            yield one
        after, full = (some[-1][0].sequence if some else after), len(some) == _SEALS_AT_ONCE


async def verified_within(
    database: Database, vault: Vault, clinic_id: UUID, first_id: UUID, end_id: UUID
) -> AsyncIterator[tuple[Seal, list[StoredEvent]]]:
    """Give the seals of events with ids from the first on and before the end, each with these events, verified.

    Those that lie in a file already, as of an imported installation, are left out.

    Raises:
        AuditLogFaultyError: something does not fit.
    """
    async with database.work(clinic_id) as work:
        months = ArchivedMonths(vault, clinic_id, await audit_archives.of_clinic(work))
    async for seal, events in _seals(database, clinic_id, (first_id, end_id)):
        async with database.work(clinic_id) as work:
            before = head_of(await audit_log.seal_before(work, seal.sequence))
        if faults_of(vault, clinic_id, before, seal, events, months):
            raise AuditLogFaultyError(AuditLogFaultyError.__doc__)
        mine = [one for one in seal.sealed if first_id <= one < end_id]
        if mine:
            yield seal, [events[one] for one in mine if one in events]


async def sealed_events(
    database: Database, clinic_id: UUID
) -> AsyncIterator[tuple[int, UUID, bytes, StoredEvent | None]]:
    """Give a clinic's sealed events in their order: place, id, mark, and the event (None: it is gone).

    The mark of a seal's last event is the link.
    """
    async for seal, events in _seals(database, clinic_id):
        marks = [*_marks_in(seal)[:-1], seal.mac]
        for place, (event_id, mark) in enumerate(zip(seal.sealed, marks, strict=False), seal.first_sequence):
            yield place, event_id, mark, events.get(event_id)


def head_of(seal: Seal | None) -> Head:
    """Give where the chain stands after a seal; None: before the first."""
    return Head(sequence=seal.sequence, mac=seal.mac) if seal else FIRST


def _marks_in(seal: Seal) -> list[bytes]:
    marks = seal.marks or b""
    return [marks[at : at + _MARK_BYTES] for at in range(0, len(marks), _MARK_BYTES)]


def faults_of(
    vault: Vault,
    clinic_id: UUID,
    before: Head,
    seal: Seal,
    events: Mapping[UUID, StoredEvent],
    months: ArchivedMonths | None = None,
) -> list[Fault]:
    """Find what is wrong with a seal that follows a link, given those of its events that are there.

    Each seal is checked against the stored link before it, so that one fault does not hide the next. Of events that
    lie in an archive that is not read nothing can be said here, nor of the link over them.
    """
    faults, first = [], before.sequence + 1
    away = {one for one in seal.sealed if one not in events and months and months.is_away(seal, one)}
    if gap := seal.first_sequence > first:
        removed = FaultKind.SEALS_REMOVED
        faults.append(Fault(kind=removed, sequence=first, to_sequence=seal.first_sequence - 1))
    if away and seal.marks is None:
        return faults
    if seal.marks is None:
        return [*faults, *_faults_of_one(vault, clinic_id, before, seal, events, gap=gap)]
    macs, within, marks = [], list[Fault](), _marks_in(seal)
    for place, (event_id, mark) in enumerate(
        zip_longest(seal.sealed, marks, fillvalue=None), seal.first_sequence
    ):
        event = events.get(event_id) if event_id else None
        if event_id in away:
            continue
        macs.append(_mac(vault, clinic_id, place, event) if event else b"")
        kind = FaultKind.EVENT_REMOVED if event is None else FaultKind.CHANGED
        if macs[-1][:_MARK_BYTES] != mark:
            within.append(Fault(kind=kind, sequence=place, to_sequence=place, event_id=event_id))
    # Right behind a gap nothing can be said of the link: the one before it is not known.
    link = _link_of_several(vault, before.mac, clinic_id, seal.sequence, macs)
    if away and not within and not gap and seal.first_sequence != first:
        within.append(Fault(kind=FaultKind.CHANGED, sequence=seal.first_sequence, to_sequence=seal.sequence))
    if not within and not away and not gap and (link != seal.mac or seal.first_sequence != first):
        changed = FaultKind.CHANGED
        within.append(Fault(kind=changed, sequence=seal.first_sequence, to_sequence=seal.sequence))
    return faults + within


def _faults_of_one(
    vault: Vault,
    clinic_id: UUID,
    before: Head,
    seal: Seal,
    events: Mapping[UUID, StoredEvent],
    *,
    gap: bool,
) -> list[Fault]:
    here = partial(Fault, sequence=seal.sequence, to_sequence=seal.sequence, event_id=seal.event_id)
    event = events.get(seal.event_id)
    if event is None:
        return [here(kind=FaultKind.EVENT_REMOVED)]
    # As above.
    if not gap and _link(vault, before.mac, clinic_id, seal.sequence, event) != seal.mac:
        return [here(kind=FaultKind.CHANGED)]
    return []


def _against(kept: Head, head: Head | None, there: Head | None) -> list[Fault]:
    """Compare with a head that was kept outside: the chain had a seal that ended there."""
    last = head.sequence if head else 0
    if kept.sequence > last:
        return [Fault(kind=FaultKind.HEAD_CUT, sequence=last + 1, to_sequence=kept.sequence)]
    if there is None or there.mac != kept.mac:
        return [Fault(kind=FaultKind.HEAD_DIFFERS, sequence=kept.sequence, to_sequence=kept.sequence)]
    return []


class AuditLogFaultyError(OperatorError):
    """The audit log does not fit its seals, so nothing of it was archived: `afterglow audit verify` says where."""


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
