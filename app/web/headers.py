"""Headers that several routes share: ETags, the Link of a list, and the phone's own clock."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from app.foundation.errors import RefusalError, RefusalKind
from app.web.schemas import read_counter, write_cursor

if TYPE_CHECKING:
    # Commands know these headers too, and what runs no server imports no server.
    from fastapi import Request, Response


Reply = TypeVar("Reply")


class ChangedMeanwhileError(RefusalError):
    """Someone changed this in the meantime; read it again, then send the change with the new ETag."""

    kind = RefusalKind.PRECONDITION_FAILED
    code = "changed-meanwhile"


class VersionMissingError(RefusalError):
    """Send the ETag of what you read in If-Match, so that nobody's change is lost."""

    kind = RefusalKind.PRECONDITION_MISSING
    code = "if-match-missing"


def etag_of(version: int) -> str:
    """Write a version as an ETag."""
    return f'"{version}"'


def with_etag(response: "Response", version: int, reply: Reply) -> Reply:
    """Give a reply, and with it the ETag of the version that it shows."""
    response.headers["etag"] = etag_of(version)
    return reply


def version_if_sent(if_match: str | None) -> int | None:
    """Read the version that a change is based on, where sending one is a choice; None when none was sent.

    Raises:
        ChangedMeanwhileError: it is no version of ours, so it cannot be the current one.
    """
    return None if if_match is None else version_in(if_match)


def version_in(if_match: str | None) -> int:
    """Read the version that a change is based on.

    Raises:
        VersionMissingError: none was sent.
        ChangedMeanwhileError: it is no version of ours, so it cannot be the current one.
    """
    if if_match is None:
        raise VersionMissingError("header/if-match")
    version = read_counter(if_match.strip().removeprefix("W/").strip('"'))
    if version is None:
        raise ChangedMeanwhileError("header/if-match")
    return version


def link_next(request: "Request", response: "Response", position: str | None) -> None:
    """Point to the page after this one, if there is one."""
    if position is not None:
        following = request.url.include_query_params(after=write_cursor(position))
        response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'


_LONGEST: Final = 40


def read_client_time(text: str | None) -> datetime | None:
    """Read what the phone's clock showed; None when it cannot be read, for no report is refused over it."""
    if text is None or len(text) > _LONGEST:
        return None
    try:
        # A plus sign that was taken for a space on the way is still a plus sign.
        shown = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return shown.astimezone(UTC) if shown.tzinfo else None
    except (ValueError, OverflowError):
        return None
