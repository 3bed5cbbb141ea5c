"""A clock that tests set."""

from datetime import UTC, datetime


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
