"""How much may be in flight at once, so that nobody waits behind someone else's receiver.

Urgent lanes have slots that nothing else takes: there is no sum over all clinics that one clinic's hanging receiver
could use up. Ordinary ones share a sum, of which one clinic gets a part.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.storage.due_work import Lane


class Kind(StrEnum):
    """What has its own slots."""

    SAFETY_EVENT = "safety_event"
    URGENT_MESSAGE = "urgent_message"
    EVENT = "event"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most attempts in flight in one process: of a lane, of a clinic, of all clinics (None: no such limit)."""

    lane: int
    clinic: int
    total: int | None


LIMITS: Final = {
    Kind.SAFETY_EVENT: Limits(lane=4, clinic=8, total=None),
    Kind.URGENT_MESSAGE: Limits(lane=4, clinic=8, total=None),
    Kind.EVENT: Limits(lane=4, clinic=8, total=40),
    Kind.MESSAGE: Limits(lane=10, clinic=20, total=40),
}


def kind_of(lane: Lane) -> Kind:
    """Say whose slots a lane uses."""
    if lane.endpoint_id is not None:
        return Kind.SAFETY_EVENT if lane.urgent else Kind.EVENT
    return Kind.URGENT_MESSAGE if lane.urgent else Kind.MESSAGE


@dataclass(slots=True)
class Slots:
    """What is in flight now."""

    _of_lane: Counter[Lane] = field(default_factory=Counter)
    _of_clinic: Counter[tuple[Kind, UUID]] = field(default_factory=Counter)
    _of_all: Counter[Kind] = field(default_factory=Counter)

    def take(self, lane: Lane) -> int:
        """Take as many slots as a lane may have now; gives how many, which may be none."""
        kind = kind_of(lane)
        limits = LIMITS[kind]
        room = min(
            limits.lane - self._of_lane[lane],
            limits.clinic - self._of_clinic[kind, lane.clinic_id],
            limits.lane if limits.total is None else limits.total - self._of_all[kind],
        )
        self._add(lane, max(0, room))
        return max(0, room)

    def give_back(self, lane: Lane, count: int) -> None:
        """Give back slots that were taken."""
        self._add(lane, -count)

    def _add(self, lane: Lane, count: int) -> None:
        kind = kind_of(lane)
        self._of_lane[lane] += count
        self._of_clinic[kind, lane.clinic_id] += count
        self._of_all[kind] += count
        if not self._of_lane[lane]:
            del self._of_lane[lane]
        if not self._of_clinic[kind, lane.clinic_id]:
            del self._of_clinic[kind, lane.clinic_id]
