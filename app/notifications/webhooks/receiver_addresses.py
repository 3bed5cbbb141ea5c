"""Looking at an address before it is kept: the clinic's engineer may name no other than these."""

from uuid import UUID

from app.access.clinics.queries import clinic_in
from app.context import AppContext
from app.notifications.transport.addresses import AllowedNetworks, parse_endpoint_url, resolve_and_check


async def checked_address(context: AppContext, clinic_id: UUID, url: str) -> str:
    """Give the address in its one spelling.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS. In test mode, http is allowed into networks
            that the operator listed.
    """
    async with context.work(clinic_id) as work:
        clinic = await clinic_in(work, work.vault)
    allowed = AllowedNetworks.parse(context.webhook_allow)
    parsed = parse_endpoint_url(url, allowed=allowed, http_allowed=clinic.mode == "test")
    await resolve_and_check(parsed.host, parsed.port, allowed, only_allowed=parsed.needs_allowed_network)
    return str(parsed)
