"""The one source of "now", read once at the edge and passed down."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time. Core and storage never see it; they get ``now`` as a value."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the machine's time, aware, in UTC."""
        return datetime.now(UTC)


class SettableClock:
    """A clock that stands still until it is moved, so that a year can be lived in a second."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Give the moment it was last set to, aware, in UTC."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Set the moment, which may also lie in the past: phones do that too."""
        self._now = moment.astimezone(UTC)
