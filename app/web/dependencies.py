"""What routes ask for."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Query, Request

from app.context import AppContext, Work


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
