"""Networks that callers are counted by."""

import ipaddress
from typing import Final

# One household or office has a whole /64 of IPv6 to choose addresses from.
_HOUSEHOLD_BITS: Final = 64


def network_of(address: str) -> str:
    """Give the network that an address is counted by: the address itself, or the /64 of an IPv6 address.

    What is no address is counted by itself.
    """
    if ":" not in address:
        return address
    try:
        known = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    # As a proxy that listens to both writes IPv4: all of it would be one household.
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, _HOUSEHOLD_BITS), strict=False))
