"""``Retry-After``: how long the other side asks us to wait."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LONGEST_HEADER_CHARACTERS: Final = 64


def read_retry_after(header: str | None, *, answered_at: datetime) -> timedelta | None:
    """Read a ``Retry-After`` header (seconds or an HTTP date) as the wait from the answer, 0 to 24 h.

    Whatever cannot be read counts as absent: it is written by a stranger.
    """
    text = (header or "").strip()
    if not text or len(text) > _LONGEST_HEADER_CHARACTERS:
        return None
    if _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(text))
    else:
        try:
            date = parsedate_to_datetime(text)
            # HTTP dates are GMT; a date without a zone is taken as that.
            wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - answered_at
        except (ValueError, OverflowError):
            return None
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
