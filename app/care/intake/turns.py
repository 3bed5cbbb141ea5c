"""What one sender left unfinished is looked at two at a time: many requests that end at once stall nobody else."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 2


class Turns:
    """Who is being looked at, and who waits, by sender."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, sender: Hashable) -> AsyncIterator[None]:
        """Wait for a turn of this sender's, and keep it until the end of the block."""
        turn, count = self._turns.get(sender, (asyncio.Semaphore(AT_ONCE), 0))
        self._turns[sender] = turn, count + 1
        try:
            async with turn:
                yield
        finally:
            turn, count = self._turns.pop(sender)
            if count > 1:
                self._turns[sender] = turn, count - 1
