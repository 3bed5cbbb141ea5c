"""Looking at an address before it is kept: the clinic's engineer may name no other than these."""

from uuid import UUID

from app.clinics.service import read_clinic
from app.outbound.addresses import AllowedNetworks, parse_endpoint_url, resolve_and_check
from app.web.equipment import Equipment


async def checked_address(equipment: Equipment, clinic_id: UUID, url: str) -> str:
    """Give the address in its one spelling.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS. In test mode, http is allowed into networks
            that the operator listed.
    """
    clinic = await read_clinic(equipment, clinic_id)
    allowed = AllowedNetworks.parse(equipment.webhook_allow)
    parsed = parse_endpoint_url(url, allowed=allowed, http_allowed=clinic.mode == "test")
    await resolve_and_check(parsed.host, parsed.port, allowed, only_allowed=parsed.needs_allowed_network)
    return str(parsed)
