"""How many requests one caller may make a minute, counted in this process.

It protects the service from a client gone wild. What must hold across processes (guessing of codes) is
counted in the database instead; see ``patients/enrolment.py``.
"""

import hashlib
import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter


class RequestLimits:
    """A fixed window of one minute for each caller."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def seconds_to_wait(self, caller: str) -> int | None:
        """Count one request of this caller; None if it may pass, else the seconds until it may."""
        key = hashlib.sha256(caller.encode()).hexdigest()[:32]
        if await self._limiter.hit(self._item, key):
            return None
        window = await self._limiter.get_window_stats(self._item, key)
        return max(1, math.ceil(window.reset_time - time.time()))
