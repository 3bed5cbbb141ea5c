"""Looking at an address before it is kept: the clinic's engineer may name no other than these."""

from app.context import Work
from app.foundation.errors import NotFoundError
from app.notifications.transport.addresses import AllowedNetworks, parse_endpoint_url, resolve_and_check
from app.storage import clinics


async def checked_address(work: Work, url: str) -> str:
    """Give the address in its one spelling. No transaction stays open while its name is looked up.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS. In test mode, http is allowed into networks
            that the operator listed.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    await work.start_over()
    allowed = AllowedNetworks.parse(work.context.webhook_allow)
    parsed = parse_endpoint_url(url, allowed=allowed, http_allowed=profile.mode == "test")
    await resolve_and_check(parsed.host, parsed.port, allowed, only_allowed=parsed.needs_allowed_network)
    return str(parsed)
