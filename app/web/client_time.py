"""The phone's own clock, as it says it when it sends: how far it is off is kept, and nothing is rewritten by it."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Header

_LONGEST: Final = 40

ClientTime = Annotated[
    str | None,
    Header(
        alias="Afterglow-Client-Time",
        description="What the phone's clock shows while it sends, with its offset: 2026-11-03T08:15:00+01:00. "
        "How far it is off is kept beside the check-in. Left out or unreadable: not known",
    ),
]


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
