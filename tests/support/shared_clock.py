"""A clock that several processes read, and the test moves: days pass for all of them at once."""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.clock import SettableClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SharedClock(SettableClock):
    """Stands still in a file of eight bytes until it is moved; without ``start``, reads what is there."""

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        self.path = path
        if start is not None:
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        if start is not None:
            self.move_to(start)
        super().__init__(self.now())

    def now(self) -> datetime:
        """Give the moment that it was last moved to, by whomever."""
        microseconds: int = struct.unpack("<q", self._shared[:8])[0]
        return _EPOCH + microseconds * _MICROSECOND

    def move_to(self, moment: datetime) -> None:
        """Set the moment for everybody."""
        self._shared[:8] = struct.pack("<q", (moment - _EPOCH) // _MICROSECOND)
