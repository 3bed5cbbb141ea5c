"""How many requests one caller, and one address, may make a minute, counted in this process.

It protects the service from a client gone wild. What must hold across processes (guessing of codes) is
counted in the database instead; see ``patients/enrolment.py``.
"""

import ipaddress
import math
import time
from collections import defaultdict
from typing import Final

# Many phones share an address (a clinic's network, a provider's gateway), so that it may do as much as ten callers.
_CALLERS_AN_ADDRESS: Final = 10
# What one household gets of IPv6; within it, whoever wants to has a new address for each request.
_HOUSEHOLD_BITS: Final = 64
_WINDOW_SECONDS: Final = 60.0


class RequestLimits:
    """A fixed window of one minute, the same for all: so many requests of a caller in it, and more of an address.

    One count a caller, whose cost does not grow with how many there are, and which all go together.
    """

    def __init__(self, per_minute: int) -> None:
        self._of_caller = per_minute
        self._of_address = per_minute * _CALLERS_AN_ADDRESS
        # By a number of 64 bits each, which says nothing of the token: Python's own, keyed once a process.
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._ends_at = 0.0

    def seconds_to_wait(self, *, address: str, token: str | None) -> int | None:
        """Count one request; None if it may pass, else the seconds until it may.

        The token is as it came, and may be made up: the address is counted first, so that a new token for
        each request gets nobody further, and can fill no more memory than the address's own limit lets in.
        """
        now = time.monotonic()
        if now >= self._ends_at:
            self._counts.clear()
            self._ends_at = now + _WINDOW_SECONDS
        household = _household(address)
        caller = ("token", token) if token else ("caller", household)
        if self._count(("address", household)) <= self._of_address and self._count(caller) <= self._of_caller:
            return None
        return max(1, math.ceil(self._ends_at - now))

    def _count(self, counted: tuple[str, str]) -> int:
        key = hash(counted)
        self._counts[key] += 1
        return self._counts[key]


def _household(address: str) -> str:
    if ":" not in address:
        return address
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, _HOUSEHOLD_BITS), strict=False))
