"""Versions as ETags: what staff edit carries one, so that nobody's change is lost."""

from app.foundation.errors import RefusalError, RefusalKind
from app.web.schemas import read_counter


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
