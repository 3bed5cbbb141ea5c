"""Verifying: the chain is walked from its first seal on, and every fault is named with its place."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

from app.access.audit.sealing import FIRST_LINK, link
from app.foundation.vault import Vault
from app.storage import audit_seals
from app.storage.audit_seals import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.database import Database

_AT_ONCE: Final = 1000


class FaultKind(StrEnum):
    """What can be wrong with a trail."""

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
        found.unsealed = await audit_seals.count_unsealed(work)
        if kept is not None:
            found.faults += _against(kept, found.head, await audit_seals.find(work, kept.sequence))
    return found


async def sealed_events(
    database: Database, clinic_id: UUID
) -> AsyncIterator[tuple[Seal, StoredEvent | None]]:
    """Give a clinic's seals in their order, each with its event (None: it is gone), a few at a time."""
    after, full = 0, True
    while full:
        async with database.work(clinic_id) as work:
            some = await audit_seals.sealed_events(work, after=after, limit=_AT_ONCE)
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
