"""The origins of browser apps that may call the patient API for a clinic's patients: exact, and named by an owner."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.context import AppContext, Work
from app.foundation.errors import RefusalError
from app.storage import clinics

MOST_ORIGINS: Final = 20
LONGEST_ORIGIN: Final = 200
_EXACT: Final = re.compile(
    r"https://(?P<host>[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+)(:(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
_LOCAL: Final = re.compile(r"http://(localhost|127\.0\.0\.1)(:(?P<port>[1-9][0-9]{0,4}))?", re.ASCII)
_HIGHEST_PORT: Final = 65_535


class BrowserOriginNotExactError(RefusalError):
    """An origin is written as browsers send it: https, host, perhaps a port, such as https://app.example.org.

    No path, no ending slash, no wildcard, no capital letter, not the standard port, at most 20 of them.
    """

    code = "origin-not-exact"


class LocalOriginError(RefusalError):
    """This computer's own address, such as http://localhost:3000, is for a clinic in test mode."""

    code = "origin-is-local"


async def read_origins(work: Work) -> list[str]:
    """List the clinic's origins."""
    return await clinics.browser_origins(work)


async def set_origins(work: Work, origins: Sequence[str]) -> list[str]:
    """Have these be the clinic's origins, in place of those before; the same twice is one.

    Raises:
        BrowserOriginNotExactError: one of them is no exact https origin, or there are too many.
        LocalOriginError: one of them is this computer's, and the clinic is not in test mode.
    """
    wanted = sorted(set(origins))
    if len(wanted) > MOST_ORIGINS:
        raise BrowserOriginNotExactError("#/origins")
    profile = await clinics.profile(work, lock=True)
    for index, origin in enumerate(origins):
        exact, local = _EXACT.fullmatch(origin), _LOCAL.fullmatch(origin)
        port = int((exact or local or {"port": None})["port"] or 1)
        standard = exact is not None and exact["port"] == "443"
        if (
            (exact is None and local is None)
            or len(origin) > LONGEST_ORIGIN
            or port > _HIGHEST_PORT
            or standard
        ):
            raise BrowserOriginNotExactError(f"#/origins/{index}")
        if local is not None and (profile is None or profile.mode != "test"):
            raise LocalOriginError(f"#/origins/{index}")
    if wanted != await clinics.browser_origins(work):
        await clinics.replace_browser_origins(work, wanted)
        work.audit("browser_origins.changed", "clinic", work.clinic_id)
    return wanted


async def clinics_allowing(context: AppContext, origin: str) -> frozenset[UUID]:
    """Give the clinics that named an origin, before it is known of which of them the call is."""
    async with context.work(None) as work:
        return await clinics.clinics_of_origin(work, origin)


async def forget_local(work: Work) -> None:
    """Allow this computer's own addresses no more: the clinic goes live."""
    kept = await clinics.browser_origins(work)
    exact = [one for one in kept if _LOCAL.fullmatch(one) is None]
    if exact != kept:
        await clinics.replace_browser_origins(work, exact)
