"""What routes ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from app.context import AppContext, Work
from app.web.headers import link_next
from app.web.schemas import PAGE_SIZE, read_id_cursor


async def context_of(request: Request) -> AppContext:
    """Give the process's context to a route.

    Async, though it waits for nothing: FastAPI sends plain functions to a thread, which costs more than
    the whole check-in's validation.
    """
    context: AppContext = request.app.state.context
    return context


ContextNeeded = Annotated[AppContext, Depends(context_of)]
IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag that was read, so that nobody's change is lost; "
        "left out where the operation does not need it, it is not looked at"
    ),
]
CLIENT_TIME: Final = "Afterglow-Client-Time"
ClientTime = Annotated[
    str | None,
    Header(
        alias=CLIENT_TIME,
        description="What the phone's clock shows while it sends, with its offset: 2026-11-03T08:15:00+01:00. "
        "How far it is off is kept beside the check-in. Left out or unreadable: not known",
    ),
]
PageLimit = Annotated[int, Query(ge=1, le=200, description="How many items at the most")]
PageCursor = Annotated[str | None, Query(max_length=200, description="The cursor from the page before")]
OnlyPatient = Annotated[UUID | None, Query(description="Only this patient's")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The page of a list that is asked for, and the way to the next one."""

    request: Request
    response: Response
    cursor: str | None
    limit: int

    @property
    def after(self) -> UUID | None:
        """After which item it begins, in a list that is ordered by id.

        Raises:
            CursorNotValidError: the cursor is not one of such a list.
        """
        return read_id_cursor(self.cursor)

    def link_next(self, position: object | None) -> None:
        """Point to the page after this position, if there is one."""
        link_next(self.request, self.response, None if position is None else str(position))

    def link_after(self, positions: Sequence[object]) -> None:
        """Point to the page after these items, if they fill this one."""
        self.link_next(positions[-1] if len(positions) == self.limit else None)


async def list_page(
    request: Request, response: Response, after: PageCursor = None, limit: PageLimit = PAGE_SIZE
) -> ListPage:
    """Give the page of a list that is asked for."""
    return ListPage(request=request, response=response, cursor=after, limit=limit)


PageAsked = Annotated[ListPage, Depends(list_page)]


def address_of(request: Request) -> str:
    """Give the network address that a request came from."""
    return request.client.host if request.client else "local"


def keep_work(request: Request, work: Work) -> None:
    """Let the request's own route find its transaction again, should the request fail."""
    request.state.work = work


def bearer_token(request: Request) -> str:
    """Give the bearer token as sent, or an empty text, which is never a valid one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
