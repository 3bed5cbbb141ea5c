"""Sealing: each event of the audit log gets a place in the clinic's order and a link of an HMAC chain.

The worker does it, after the fact: what is sealed has committed long before, and never waits for it.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.foundation.vault import Vault
from app.storage import audit_seals
from app.storage.audit_seals import Seal
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

    ``whole`` looks through the whole trail, else only from an hour before the head on: the cost of a sweep must
    not grow with the audit log. While another sealer is at this clinic, it is left to that one.
    """
    count, since, full = 0, None, True
    while full:
        async with database.work(clinic_id) as work:
            # The head is read by a statement after the turn was taken, or it could be the one before.
            if not await audit_seals.lock_for_update(work):
                break
            sealed = await _seal_some(work, vault, since=since, whole=whole)
            await work.commit()
        count, full = count + len(sealed), len(sealed) == _AT_ONCE
        # Nor is what this look has passed looked at again.
        since = sealed[-1].event_id if sealed else None
    return count


async def _seal_some(work: UnitOfWork, vault: Vault, *, since: UUID | None, whole: bool) -> list[Seal]:
    head = await audit_seals.head(work)
    if since is None and head is not None and not whole:
        since = _floor_of(head.event_id)
    events = await audit_seals.unsealed(work, since=since, limit=_AT_ONCE)
    sequence, mac = (head.sequence, head.mac) if head else (0, FIRST_LINK)
    seals = []
    for event in events:
        sequence += 1
        mac = link(vault, mac, work.clinic_id, sequence, event)
        seals.append(Seal(sequence=sequence, event_id=event.id, mac=mac))
    if seals:
        await audit_seals.add(work, seals)
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
