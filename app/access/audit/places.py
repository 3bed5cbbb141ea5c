"""A place in the audit log as an opaque cursor: the same in the API and on the page."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.access.audit.service import FoundEvent
from app.web.schemas import CursorNotValidError, read_cursor

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
