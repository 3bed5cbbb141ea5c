"""How many requests one caller, and one address, may make a minute, counted in this process.

It protects the service from a client gone wild. What must hold across processes (guessing of codes) is
counted in the database instead; see ``patients/enrolment.py``.
"""

import hashlib
import ipaddress
import math
import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

# Many phones share an address (a clinic's network, a provider's gateway), so that it may do as much as ten callers.
_CALLERS_AN_ADDRESS: Final = 10
# What one household gets of IPv6; within it, whoever wants to has a new address for each request.
_HOUSEHOLD_BITS: Final = 64


class RequestLimits:
    """A fixed window of one minute for each caller, and a wider one for each address."""

    def __init__(self, per_minute: int) -> None:
        self._of_caller = RateLimitItemPerMinute(per_minute)
        self._of_address = RateLimitItemPerMinute(per_minute * _CALLERS_AN_ADDRESS)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def seconds_to_wait(self, *, address: str, token: str | None) -> int | None:
        """Count one request; None if it may pass, else the seconds until it may.

        The token is as it came, and may be made up: the address is counted first, so that a new token for
        each request gets nobody further, and can fill no more memory than the address's own limit lets in.
        """
        household = f"address {_household(address)}"
        wait = await self._count(self._of_address, household)
        if wait is not None:
            return wait
        return await self._count(self._of_caller, f"token {token}" if token else household)

    async def _count(self, limit: RateLimitItem, counted: str) -> int | None:
        key = hashlib.sha256(counted.encode()).hexdigest()[:32]
        if await self._limiter.hit(limit, key):
            return None
        window = await self._limiter.get_window_stats(limit, key)
        return max(1, math.ceil(window.reset_time - time.time()))


def _household(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:  # noqa: PLR2004 - the protocol's own number
        return address
    return str(ipaddress.ip_network((known, _HOUSEHOLD_BITS), strict=False))
