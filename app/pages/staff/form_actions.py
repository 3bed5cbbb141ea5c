"""What the pages of a signal and of a safety event share: the version in a form, and a refusal shown on the page."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import RedirectResponse, Response

from app.foundation.errors import RefusalError, RefusalKind
from app.web.etags import ChangedMeanwhileError
from app.web.pages.forms import Form
from app.web.schemas import read_counter

# What leads to a page of its own: nothing on this one could be mended.
_ELSEWHERE: Final = frozenset(
    {RefusalKind.NOT_FOUND, RefusalKind.GONE, RefusalKind.FORBIDDEN, RefusalKind.UNAUTHENTICATED}
)


def version_of(form: Form) -> int:
    """Read which version the page showed whose form this is.

    Raises:
        ChangedMeanwhileError: it does not say, so it cannot be the current one.
    """
    version = read_counter(form["version"])
    if version is None:
        raise ChangedMeanwhileError("version")
    return version


async def done_or_shown_again(
    change: Callable[[], Awaitable[object]],
    *,
    then: str,
    again: Callable[[RefusalError], Awaitable[Response]],
) -> Response:
    """Make a change and go on, or show the page as it is now with what was refused and what was typed."""
    try:
        await change()
    except RefusalError as error:
        if error.kind in _ELSEWHERE:
            raise
        return await again(error)
    return RedirectResponse(then, 303)
