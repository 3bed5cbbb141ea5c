"""Replies about the stream of events and the snapshot, and their cursors."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.notifications.stream.queries import EventPage, SnapshotPage, SnapshotPatient, StreamPlace
from app.notifications.webhooks.schemas import EventData, OutgoingEvent
from app.storage.event_stream import PlacedEvent
from app.web.schemas import (
    CursorNotValidError,
    DescribedAs,
    ReplyBody,
    read_counter,
    read_cursor,
    write_cursor,
)

_PARTED_BY = "."


class StreamedEvent(OutgoingEvent):
    """One event as webhooks send it, with its `webhook-id`."""

    id: UUID = Field(description="The `webhook-id`: act on it once, whichever way it came")
    data: Annotated[dict[str, Any], DescribedAs(EventData)]  # type: ignore[assignment] # the sent form of it

    @classmethod
    def of(cls, event: PlacedEvent) -> "StreamedEvent":
        """Make the reply of the text that is sent."""
        return cls.model_validate({"id": event.id, **json.loads(event.body)})


class EventList(ReplyBody):
    """Events in order; ask again from the cursor, at once while the page is full."""

    items: list[StreamedEvent]
    cursor: str = Field(description="Give it as `after`; nothing ever appears before it")

    @classmethod
    def of(cls, page: EventPage) -> "EventList":
        """Make the reply."""
        return cls(items=[StreamedEvent.of(one) for one in page.events], cursor=write_place(page.cursor))


class SnapshotSignal(ReplyBody):
    """A signal that nobody has closed."""

    id: UUID
    state: str
    level: str
    criterion: str


class SnapshotSafetyEvent(ReplyBody):
    """A safety event that nobody has closed."""

    id: UUID
    state: str
    urgent: bool


class SnapshotFinding(ReplyBody):
    """A finding that nobody has closed and that still holds."""

    id: UUID
    state: str
    code: str


class SnapshotPatientReply(ReplyBody):
    """Where one patient stands."""

    id: UUID
    mode: Literal["test", "live"]
    level: str
    reference_established: bool
    consent: Literal["not_asked", "given", "withdrawn"]
    archived: str | None = Field(description="Why; null: the patient is not archived")
    merged_into: UUID | None = Field(
        description="The patient that this duplicate is merged into; its own id answers 410"
    )
    review_due: bool
    overdue: bool = Field(
        description="No check-in for longer than the plan allows, and nobody has seen to it"
    )
    signals: list[SnapshotSignal]
    safety_events: list[SnapshotSafetyEvent]
    findings: list[SnapshotFinding]

    @classmethod
    def of(cls, patient: SnapshotPatient) -> "SnapshotPatientReply":
        """Make the reply."""
        entry, codes = patient.entry, {one["code"] for one in patient.findings}
        consent = "not_asked" if entry.consent_version is None else "given"
        return cls.model_validate(
            {
                "id": entry.id,
                "mode": entry.mode,
                "level": entry.level,
                "reference_established": "reference.established" in entry.announced,
                "consent": consent if entry.consent_withdrawn_at is None else "withdrawn",
                "archived": entry.archived_reason,
                "merged_into": entry.merged_into,
                "review_due": "review_due" in codes,
                "overdue": "overdue" in codes,
                "signals": patient.signals,
                "safety_events": patient.safety_events,
                "findings": patient.findings,
            }
        )


class Snapshot(ReplyBody):
    """A page of patients; the Link header points to the next. Follow the stream from the cursor afterwards."""

    items: list[SnapshotPatientReply]
    cursor: str = Field(description="Where to follow the stream from, the same on every page")

    @classmethod
    def of(cls, page: SnapshotPage) -> "Snapshot":
        """Make the reply."""
        items = [SnapshotPatientReply.of(one) for one in page.patients]
        return cls(items=items, cursor=write_place(page.cursor))


def write_place(place: StreamPlace) -> str:
    """Write a place in the stream as a cursor."""
    return write_cursor(place_text(place))


def place_text(place: StreamPlace) -> str:
    """Write a place in the stream as the text of a cursor."""
    return f"{place.epoch}{_PARTED_BY}{place.position}"


def read_place(cursor: str | None) -> StreamPlace | None:
    """Read a cursor of the stream.

    Raises:
        CursorNotValidError: it is not one.
    """
    text = read_cursor(cursor)
    return None if text is None else _place(text)


def read_snapshot_place(cursor: str | None) -> tuple[StreamPlace | None, UUID | None]:
    """Read a cursor of the snapshot: where the stream stood at its first page, and the last patient.

    Raises:
        CursorNotValidError: it is not one.
    """
    text = read_cursor(cursor)
    if text is None:
        return None, None
    place, _, patient = text.rpartition(_PARTED_BY)
    try:
        return _place(place), UUID(patient)
    except ValueError:
        raise CursorNotValidError("query/after") from None


def _place(text: str) -> StreamPlace:
    epoch, _, number = text.partition(_PARTED_BY)
    position = read_counter(number)
    if position is None:
        raise CursorNotValidError("query/after")
    return StreamPlace(epoch, position)
