"""The audit log as it is shown, and a place in it as an opaque cursor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from app.access.audit.queries import FoundEvent
from app.web.schemas import CursorNotValidError, ReplyBody, read_cursor


class AuditEventReply(ReplyBody):
    """One line of the audit log."""

    id: UUID
    at: datetime
    actor_kind: str = Field(examples=["api_key"])
    actor_id: UUID | None
    action: str = Field(examples=["signal.acknowledged"])
    subject_kind: str = Field(examples=["signal"])
    subject_id: UUID
    patient_id: UUID | None
    emergency_id: UUID | None = Field(
        description="Why someone could who otherwise may not: the emergency access"
    )
    seal: int | None = Field(description="The place in the sealed order; null: not sealed yet")

    @classmethod
    def of(cls, found: FoundEvent) -> Self:
        """Show one."""
        event = found.event
        return cls(
            id=event.id,
            at=event.at,
            actor_kind=event.actor_kind,
            actor_id=event.actor_id,
            action=event.action,
            subject_kind=event.subject_kind,
            subject_id=event.subject_id,
            patient_id=event.patient_id,
            emergency_id=event.emergency_id,
            seal=found.seal,
        )


class AuditEventList(ReplyBody):
    """Lines of the audit log, newest first."""

    items: list[AuditEventReply]


Place = tuple[datetime, UUID]


def read_place(cursor: str | None) -> Place | None:
    """Read a cursor back.

    Raises:
        CursorNotValidError: the audit log never gave it out.
    """
    position = read_cursor(cursor)
    if position is None:
        return None
    at, _, event_id = position.partition(" ")
    try:
        place = datetime.fromisoformat(at), UUID(event_id)
    except ValueError:
        raise CursorNotValidError("query/after") from None
    if place[0].tzinfo is None:
        raise CursorNotValidError("query/after")
    return place


def place_after(found: Sequence[FoundEvent], limit: int) -> str | None:
    """Give the place of a page's last line, to be written as a cursor; None where nothing can follow."""
    if len(found) < limit:
        return None
    last = found[-1].event
    return f"{last.at.isoformat()} {last.id}"
