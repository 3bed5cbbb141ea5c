"""Reading the stream of events, and where the patients stand."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import event_stream
from app.storage.event_stream import PlacedEvent, SnapshotEntry, StreamReach

KEPT_FOR: Final = timedelta(days=90)
"""How long an event can be read."""


class StartAgainError(RefusalError):
    """This cursor is too old, or belongs to an earlier state of our data, which was restored since.

    Please start again from the snapshot, and follow the stream from its cursor.
    """

    kind = RefusalKind.GONE
    code = "start-again"


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Up to this position, in this state of the database."""

    epoch: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events in order, and where they end."""

    events: tuple[PlacedEvent, ...]
    cursor: StreamPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPatient:
    """Where one patient stands."""

    entry: SnapshotEntry
    signals: list[dict[str, Any]]
    safety_events: list[dict[str, Any]]
    findings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPage:
    """Some patients, and from where on the stream is to be followed once all are read."""

    patients: tuple[SnapshotPatient, ...]
    cursor: StreamPlace


async def keep_stream(work: Work) -> None:
    """Give positions to what was committed since, and let go of what is older than 90 days."""
    await event_stream.place(work)
    await event_stream.forget(work, before=work.real_now - KEPT_FOR)


async def read_events(work: Work, *, after: StreamPlace | None, limit: int) -> EventPage:
    """Give the events after a cursor; without one, from the oldest that is kept.

    Raises:
        StartAgainError: events after the cursor are no longer kept, or the cursor is of another database.
    """
    # Positions are given to what others committed meanwhile, so this is no snapshot.
    await work.start_over()
    await event_stream.place(work)
    reach = await event_stream.reach(work)
    begin = _begin(after, reach)
    found = await event_stream.page(work, after=begin, limit=limit)
    if found:
        work.record_access("events", patient_id=None)
    position = found[-1].position if found else max(begin, reach.begins_after)
    return EventPage(events=tuple(found), cursor=StreamPlace(reach.epoch, position))


async def read_snapshot(
    work: Work, *, begun: StreamPlace | None, after: UUID | None, limit: int
) -> SnapshotPage:
    """Give a page of patients as they stand, all read at one moment.

    Args:
        work: a snapshot.
        begun: the cursor of the first page; the stream is followed from there, whatever happens meanwhile.
        after: the last patient of the page before.
        limit: how many patients at the most.

    Raises:
        StartAgainError: the first page was read from another database, or too long ago.
    """
    reach = await event_stream.reach(work)
    if begun is not None:
        _begin(begun, reach)
    found = await event_stream.snapshot_page(work, after=after, limit=limit)
    ids = [one.id for one in found]
    signals = await event_stream.open_signals(work, ids)
    safety_events = await event_stream.open_safety_events(work, ids)
    findings = await event_stream.open_findings(work, ids)
    work.record_access("snapshot", patient_id=None)
    return SnapshotPage(
        patients=tuple(
            SnapshotPatient(
                entry=one,
                signals=signals.get(one.id, []),
                safety_events=safety_events.get(one.id, []),
                findings=findings.get(one.id, []),
            )
            for one in found
        ),
        cursor=begun or StreamPlace(reach.epoch, reach.last_position),
    )


def _begin(after: StreamPlace | None, reach: StreamReach) -> int:
    if after is None:
        return reach.begins_after
    kept = reach.begins_after <= after.position <= reach.last_position
    if after.epoch != reach.epoch or not kept:
        raise StartAgainError("query/after")
    return after.position
