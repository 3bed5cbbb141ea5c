"""Which addresses a webhook may reach: public ones, and the networks the operator lists, no others.

What counts as public is written out from the IANA special-purpose registries, since Python's own
``is_global`` changes between patch releases and lets multicast through.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

from app.foundation.errors import RefusalError

IPAddress = IPv4Address | IPv6Address
# Takes a host name and a port, gives addresses as text; raises OSError when there are none.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL_CHARACTERS: Final = 2048
_MAX_HOST_CHARACTERS: Final = 253
_HIGHEST_PORT: Final = 65_535

# Not reachable from the internet, or not to be reached by us, beyond what ``is_private`` and its like know.
_REFUSED_IPV4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, also some clouds' own services
        "168.63.129.16/32",  # Azure's platform service: a public number, a private neighbor
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast, reserved and broadcast
    )
)
_GLOBAL_UNICAST_IPV6: Final = IPv6Network("2000::/3")
_REFUSED_IPV6: Final = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
# The interface identifier of ISATAP (RFC 5214), with and without the "globally unique" bit.
_ISATAP_MARKS: Final = (0x0000_5EFE, 0x0200_5EFE)

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_AUTHORITY: Final = re.compile(r"\A[A-Za-z]+://[^/?]*")
_HOST_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What inet_aton and browsers take for a number: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class EndpointAddressRefusedError(RefusalError):
    """The address must be public HTTPS.

    The same for a private address, a name that does not resolve and an odd spelling: the difference
    would show a caller what our own network looks like.
    """

    code = "webhook-address-refused"


class NetworkListError(ValueError):
    """The list of allowed webhook networks must be networks such as 10.1.0.0/16, separated by commas."""


@dataclass(frozen=True, slots=True)
class AllowedNetworks:
    """The networks that the operator lets webhooks reach besides public addresses; none by default."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``127.0.0.0/8,10.1.0.0/16``; blanks are ignored and an empty text means none.

        Raises:
            NetworkListError: an entry is no network, or has bits set outside its prefix.
        """
        entries = (entry.strip() for entry in text.split(","))
        try:
            return cls(tuple(ip_network(entry) for entry in entries if entry))
        except ValueError:
            raise NetworkListError(NetworkListError.__doc__) from None

    def cover(self, address: IPAddress) -> bool:
        """Say whether the address lies in one of the networks."""
        # ``in`` is false across IP versions.
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUrl:
    """A webhook address taken apart: ``host`` in lower case and unbracketed, ``target`` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def needs_allowed_network(self) -> bool:
        """Say whether even a public address is refused, which is so without TLS."""
        return self.scheme == "http"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _default_port(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def parse_endpoint_url(url: str, *, allowed: AllowedNetworks, http_allowed: bool) -> EndpointUrl:
    """Take a webhook address apart, accepting only spellings that every program reads in the same way.

    No user or password, no fragment, ASCII host (punycode for others), four plain decimal numbers for
    IPv4. ``http`` only in test mode and only towards the allowed networks. A host name is not resolved
    here: that is ``resolve_and_check``'s part.

    Raises:
        EndpointAddressRefusedError: always the same, whatever was wrong.
    """
    # ASCII before lower(), which would turn a Kelvin sign into a k.
    if len(url) > MAX_URL_CHARACTERS or not url.isascii():
        raise EndpointAddressRefusedError
    # Scheme and host know no case, the rest does.
    match = _URL.fullmatch(_AUTHORITY.sub(lambda found: found[0].lower(), url))
    if match is None:
        raise EndpointAddressRefusedError
    scheme = match["scheme"]
    port = int(match["port"] or _default_port(scheme))
    if port > _HIGHEST_PORT or (scheme == "http" and not (http_allowed and allowed.networks)):
        raise EndpointAddressRefusedError
    host, address = _read_host(match["host"])
    target = (match["path"] or "/") + (match["query"] or "")
    parsed = EndpointUrl(scheme=scheme, host=host, port=port, target=target)
    if address is not None:
        check_address(address, allowed, only_allowed=parsed.needs_allowed_network)
    return parsed


def check_address(address: IPAddress, allowed: AllowedNetworks, *, only_allowed: bool = False) -> IPAddress:
    """Give the address to connect to: the same one, or the IPv4 address that an IPv6 address maps.

    Refused is whatever is neither public nor in an allowed network. An IPv6 address that carries an
    IPv4 address (6to4, NAT64, Teredo, IPv4-compatible, ISATAP) is as public as what it carries; the
    allowed networks are about the outer address alone, since a translator elsewhere opens it.

    Raises:
        EndpointAddressRefusedError: always the same, whatever was wrong.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise EndpointAddressRefusedError
        address = address.ipv4_mapped or address
    if allowed.cover(address) or (not only_allowed and _is_public(address)):
        return address
    raise EndpointAddressRefusedError


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the machine's resolver for every address of a host, in its order of preference.

    Raises:
        OSError: there is none, or nobody answered.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(socket_address[0]) for *_, socket_address in found]


async def resolve_and_check(
    host: str,
    port: int,
    allowed: AllowedNetworks,
    *,
    only_allowed: bool = False,
    resolver: Resolver = resolve_by_system,
) -> tuple[IPAddress, ...]:
    """Resolve a host once and give its addresses (at least one), all of which may be connected to.

    Raises:
        EndpointAddressRefusedError: one address is not acceptable, or there is none at all.
    """
    try:
        # Without repetitions, order kept. A ValueError is a host that no resolver takes, or no address.
        found = [ip_address(text) for text in dict.fromkeys(await resolver(host, port))]
    except (OSError, ValueError):
        raise EndpointAddressRefusedError from None
    if not found:
        raise EndpointAddressRefusedError
    return tuple(check_address(address, allowed, only_allowed=only_allowed) for address in found)


def _default_port(scheme: str) -> int:
    return 80 if scheme == "http" else 443


def _read_host(host: str) -> tuple[str, IPAddress | None]:
    """Give a host's one accepted spelling, and its address where the host is one."""
    try:
        if host.startswith("["):
            address: IPAddress = IPv6Address(host.strip("[]"))
            return str(address), address
        labels = host.split(".")
        if _NUMERIC_LABEL.fullmatch(labels[-1]):
            address = IPv4Address(host)
            return str(address), address
    except ValueError:
        raise EndpointAddressRefusedError from None
    if len(host) > _MAX_HOST_CHARACTERS or not all(map(_HOST_LABEL.fullmatch, labels)):
        raise EndpointAddressRefusedError
    return host, None


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv4Address):
        special = (
            not address.is_global
            or address.is_private
            or address.is_multicast
            or address.is_reserved
            or address.is_unspecified
        )
        return not special and not any(address in network for network in _REFUSED_IPV4)
    carried = tuple(_carried_ipv4(address))
    if not all(map(_is_public, carried)):
        return False
    if carried and not _is_isatap(address):
        return True
    return address in _GLOBAL_UNICAST_IPV6 and not any(address in network for network in _REFUSED_IPV6)


def _carried_ipv4(address: IPv6Address) -> Iterator[IPv4Address]:
    """Give the IPv4 addresses to which a translator or a tunnel would pass on what is sent here."""
    last_four_bytes = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or address in _IPV4_COMPATIBLE or _is_isatap(address):
        yield last_four_bytes


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_MARKS
