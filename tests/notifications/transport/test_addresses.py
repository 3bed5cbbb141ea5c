"""Which webhook addresses are taken, and that all others are refused in the same words."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.transport.addresses import (
    AllowedNetworks,
    EndpointAddressRefusedError,
    NetworkListError,
    check_address,
    parse_endpoint_url,
    resolve_and_check,
)
from tests.support.hostile_urls import HOSTILE_URLS, LOCAL_NAMES

NOTHING = AllowedNetworks()
LOOPBACK = AllowedNetworks.parse("127.0.0.0/8")
REFUSAL = "The address must be public HTTPS."


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_hostile_urls_are_refused_in_one_and_the_same_sentence(url: str) -> None:
    with pytest.raises(EndpointAddressRefusedError) as refusal:
        parse_endpoint_url(url, allowed=NOTHING, http_allowed=False)
    assert str(refusal.value) == REFUSAL
    assert refusal.value.code == "webhook-address-refused"


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "text"),
    [
        ("https://example.com", "example.com", 443, "/", "https://example.com/"),
        ("HTTPS://Example.COM/Path?Q=1", "example.com", 443, "/Path?Q=1", "https://example.com/Path?Q=1"),
        ("https://example.com?q", "example.com", 443, "/?q", "https://example.com/?q"),
        ("https://example.com:8443/a", "example.com", 8443, "/a", "https://example.com:8443/a"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", 443, "/", "https://xn--exmple-cua.com/"),
        (
            "https://example.com/a@b:c/%2F~'",
            "example.com",
            443,
            "/a@b:c/%2F~'",
            "https://example.com/a@b:c/%2F~'",
        ),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "https://8.8.8.8/"),
        (
            "https://[2606:4700:0:0::1111]:444/",
            "2606:4700::1111",
            444,
            "/",
            "https://[2606:4700::1111]:444/",
        ),
    ],
)
def test_public_https_urls_are_taken_apart(url: str, host: str, port: int, target: str, text: str) -> None:
    parsed = parse_endpoint_url(url, allowed=NOTHING, http_allowed=False)
    assert (parsed.scheme, parsed.host, parsed.port, parsed.target) == ("https", host, port, target)
    assert str(parsed) == text
    assert parse_endpoint_url(text, allowed=NOTHING, http_allowed=False) == parsed


@given(st.text(max_size=40))
def test_any_text_is_either_read_back_the_same_or_refused(rest: str) -> None:
    try:
        parsed = parse_endpoint_url("https://" + rest, allowed=NOTHING, http_allowed=False)
    except EndpointAddressRefusedError:
        return
    assert parse_endpoint_url(str(parsed), allowed=NOTHING, http_allowed=False) == parsed


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound here
        "0.1.2.3",
        "10.255.255.255",
        "100.64.0.1",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "64:ff9b:1::808:808",  # a local translator may turn it into anything
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",  # IPv4-compatible
        "2002:7f00:1::1",  # 6to4
        "2002:a9fe:a9fe::1",
        "64:ff9b::10.0.0.1",  # NAT64
        "64:ff9b::a9fe:a9fe",
        "2001:0:7f00:1::f7f7:f7f7",  # Teredo with a private server
        "2001:0:808:808::80ff:fffe",  # Teredo with 127.0.0.1 as its client
        "2606:4700::5efe:10.0.0.1",  # ISATAP
        "2606:4700::200:5efe:127.0.0.1",
        "fe80::5efe:8.8.8.8",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
        check_address(ip_address(address), NOTHING)


@pytest.mark.parametrize(
    ("address", "connect_to"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("223.255.255.254", "223.255.255.254"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("64:ff9b::8.8.8.8", "64:ff9b::808:808"),
        ("2002:808:808::1", "2002:808:808::1"),
        ("2001:0:808:808::f7f7:f7f7", "2001:0:808:808::f7f7:f7f7"),
        ("2606:4700::5efe:8.8.8.8", "2606:4700::5efe:808:808"),
    ],
)
def test_what_is_public_is_taken(address: str, connect_to: str) -> None:
    assert check_address(ip_address(address), NOTHING) == ip_address(connect_to)


def test_an_allowed_network_is_reached_and_its_neighbours_are_not() -> None:
    allowed = AllowedNetworks.parse(" 127.0.0.0/8, 10.1.0.0/16,fd00::/64, ")
    for inside in ("127.0.0.1", "10.1.255.255", "fd00::5", "::ffff:10.1.0.1"):
        check_address(ip_address(inside), allowed)
    for outside in ("10.2.0.0", "fd00:0:0:1::5", "::1", "64:ff9b::10.1.0.1", "2002:a01:1::1", "::127.0.0.1"):
        with pytest.raises(EndpointAddressRefusedError):
            check_address(ip_address(outside), allowed)


@pytest.mark.parametrize("text", ["10.1.0.0/33", "10.1.0.1/16", "localhost", "10.1.0.0/16;fd00::/8"])
def test_a_list_of_networks_with_a_mistake_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(NetworkListError, match=r"such as 10\.1\.0\.0/16"):
        AllowedNetworks.parse(text)


def test_http_is_for_allowed_networks_in_test_mode_only() -> None:
    parsed = parse_endpoint_url("http://127.0.0.1:8000/hook", allowed=LOOPBACK, http_allowed=True)
    assert (parsed.scheme, parsed.port, parsed.needs_allowed_network) == ("http", 8000, True)
    for url, allowed, http_allowed in [
        ("http://127.0.0.1:8000/hook", LOOPBACK, False),
        ("http://127.0.0.1:8000/hook", NOTHING, True),
        ("http://8.8.8.8/hook", LOOPBACK, True),
        ("http://example.com/hook", NOTHING, True),
    ]:
        with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
            parse_endpoint_url(url, allowed=allowed, http_allowed=http_allowed)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "found",
    [
        ["8.8.8.8", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
        ["10.0.0.1"],
        ["fe80::1%eth0"],
        ["not an address"],
        [],
    ],
)
async def test_one_bad_address_among_all_is_enough_to_refuse_a_name(found: list[str]) -> None:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return found

    with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
        await resolve_and_check("receiver.test", 443, NOTHING, resolver=resolver)


@pytest.mark.anyio
async def test_a_name_that_does_not_resolve_is_refused_like_a_private_one() -> None:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
        await resolve_and_check("receiver.test", 443, NOTHING, resolver=resolver)


@pytest.mark.anyio
@pytest.mark.parametrize("url", LOCAL_NAMES)
async def test_a_name_for_this_machine_is_refused_when_it_is_looked_up(url: str) -> None:
    parsed = parse_endpoint_url(url, allowed=NOTHING, http_allowed=False)
    with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
        await resolve_and_check(parsed.host, parsed.port, NOTHING)


@pytest.mark.anyio
async def test_every_address_of_a_public_name_is_given_once() -> None:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return ["2606:4700::1111", "8.8.8.8", "8.8.8.8"]

    addresses = await resolve_and_check("receiver.test", 443, NOTHING, resolver=resolver)
    assert addresses == (ip_address("2606:4700::1111"), ip_address("8.8.8.8"))
    with pytest.raises(EndpointAddressRefusedError):
        await resolve_and_check("receiver.test", 80, LOOPBACK, only_allowed=True, resolver=resolver)


@pytest.mark.anyio
@pytest.mark.parametrize("spelling", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_the_systems_resolver_reads_odd_numbers_and_the_check_still_holds(spelling: str) -> None:
    assert await resolve_and_check(spelling, 443, LOOPBACK) == (ip_address("127.0.0.1"),)
    with pytest.raises(EndpointAddressRefusedError, match=REFUSAL):
        await resolve_and_check(spelling, 443, NOTHING)


@pytest.mark.anyio
async def test_a_host_that_no_resolver_can_take_is_refused() -> None:
    for host in ("a" * 64 + ".com", "", "exa\x00mple.com"):
        with pytest.raises(EndpointAddressRefusedError):
            await resolve_and_check(host, 443, NOTHING)
