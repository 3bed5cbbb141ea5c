"""Pulling events, and where the patients stand, for the clinic's other systems."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.notifications.stream import queries
from app.notifications.stream.schemas import EventList, Snapshot, place_text, read_place, read_snapshot_place
from app.web.dependencies import PageCursor
from app.web.headers import link_next

router = APIRouter(prefix="/v1", tags=["events"])
ReadEvents = Annotated[Work, work_for(Permission.EVENTS_READ)]
_MOST: int = 1000
StreamLimit = Annotated[int, Query(ge=1, le=_MOST, description="How many events or patients at the most")]


@router.get("/events", summary="Pull events")
async def list_events(work: ReadEvents, after: PageCursor = None, limit: StreamLimit = 200) -> EventList:
    """Give the clinic's events after a cursor, in order: all that webhooks push, and what concerns only systems.

    Without a cursor they begin with the oldest that is kept, 90 days. A cursor that is older: 410 `start-again`, read
    the snapshot again.
    """
    return EventList.of(await queries.read_events(work, after=read_place(after), limit=limit))


@router.get("/snapshot", summary="Read where all patients stand")
async def read_snapshot(
    work: ReadEvents, request: Request, response: Response, after: PageCursor = None, limit: StreamLimit = 200
) -> Snapshot:
    """Give every patient's level and what is open, page by page, with the cursor to follow the stream from.

    What changes between two pages is in the stream after the cursor: whoever reads all pages and then follows it ends
    with what is true here.
    """
    begun, last = read_snapshot_place(after)
    page = await queries.read_snapshot(work, begun=begun, after=last, limit=limit)
    full = len(page.patients) == limit
    following = f"{place_text(page.cursor)}.{page.patients[-1].entry.id}" if full else None
    link_next(request, response, following)
    return Snapshot.of(page)
