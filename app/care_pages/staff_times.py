"""Times on the staff's own pages: in UTC, since people and clinics have no zone here, and how long ago in words."""

from datetime import UTC, datetime

from babel.dates import format_timedelta


def moment(at: datetime, now: datetime) -> str:
    """Write a moment: 3 Nov 2026, 18:00 UTC (2 hours ago)."""
    ago = format_timedelta(at - now, add_direction=True, locale="en") if at != now else "just now"
    written = at.astimezone(UTC)
    return f"{written.day} {written:%b %Y, %H:%M} UTC ({ago})"
