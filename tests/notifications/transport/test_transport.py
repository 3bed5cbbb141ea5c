"""The guarded way out, against real servers that misbehave on real sockets."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import httpx2
import pytest

from app.notifications.transport.addresses import AllowedNetworks, EndpointAddressRefusedError, Resolver
from app.notifications.transport.guarded_transport import (
    Bounds,
    NoAnswerError,
    ReceiverTimeoutError,
    ReceiverTlsError,
    ReceiverUnreachableError,
    guarded_client,
)
from tests.support.certificates import certificate_for
from tests.support.raw_receiver import RawReceiver, Script, raw_receiver, read_request

pytestmark = pytest.mark.anyio

LOOPBACK = AllowedNetworks.parse("127.0.0.0/8")
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
SHORT = Bounds(connect_seconds=0.3, total_seconds=0.5)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return ("asyncio", {"use_uvloop": request.param})


class ChangingResolver:
    """Gives the next list of addresses at each question, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.questions = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        answer = self._answers[min(self.questions, len(self._answers) - 1)]
        self.questions += 1
        return answer


def local_client(
    *,
    bounds: Bounds | None = None,
    resolver: Resolver | None = None,
    allowed: AllowedNetworks = LOOPBACK,
    ssl_context: ssl.SSLContext | None = None,
) -> httpx2.AsyncClient:
    return guarded_client(
        allowed=allowed,
        http_allowed=True,
        resolver=resolver or ChangingResolver(["127.0.0.1"]),
        ssl_context=ssl_context,
        bounds=bounds,
    )


async def post(url: str, client: httpx2.AsyncClient) -> httpx2.Response:
    async with client:
        return await client.post(url, content=b"{}")


@asynccontextmanager
async def tls_receiver(folder: Path, *names: str) -> AsyncIterator[tuple[RawReceiver, ssl.SSLContext]]:
    """Run a receiver with a fresh certificate for these names, and give a context that believes in it."""
    server_side, believing = certificate_for(folder, *names)
    async with raw_receiver(NO_CONTENT, ssl_context=server_side) as receiver:
        yield receiver, believing


async def test_a_request_arrives_whole_and_its_status_comes_back() -> None:
    async with raw_receiver(NO_CONTENT) as receiver:
        answer = await post(receiver.url + "?a=%2F", local_client())
    assert answer.status_code == 204
    head, _, body = receiver.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /hook?a=%2F HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{receiver.port}" in head.lower()
    assert "accept-encoding: identity" in head.lower()
    assert body == "{}"


async def test_nothing_of_the_answer_is_handed_on_but_status_and_retry_after() -> None:
    said = (
        b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nRetry-After: 8\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\n"
        b"Location: http://127.0.0.1/\r\nContent-Length: 5\r\n\r\nstuff"
    )
    async with raw_receiver(said) as receiver, local_client() as client:
        for _ in range(2):
            answer = await client.post(receiver.url)
            assert (answer.status_code, answer.content) == (503, b"")
            assert [name for name in answer.headers if name != "content-length"] == ["retry-after"]
            assert answer.headers["retry-after"] == "7"
    assert not any("cookie" in request.lower() for request in receiver.requests)


async def test_a_name_that_turned_private_since_it_was_checked_is_refused_unvisited() -> None:
    resolver = ChangingResolver(["10.0.0.1"])
    async with raw_receiver(NO_CONTENT) as receiver:
        with pytest.raises(EndpointAddressRefusedError):
            await post(f"https://receiver.test:{receiver.port}/", local_client(resolver=resolver))
        loopback_is_private = local_client(
            allowed=AllowedNetworks(), resolver=ChangingResolver(["127.0.0.1"])
        )
        with pytest.raises(EndpointAddressRefusedError):
            await post(f"https://receiver.test:{receiver.port}/", loopback_is_private)
    assert receiver.connections == 0


async def test_a_name_is_resolved_once_so_that_a_second_answer_cannot_matter() -> None:
    resolver = ChangingResolver(["127.0.0.1"], ["10.0.0.1"])
    async with raw_receiver(NO_CONTENT) as receiver:
        answer = await post(f"http://receiver.test:{receiver.port}/", local_client(resolver=resolver))
    assert (answer.status_code, resolver.questions, receiver.connections) == (204, 1, 1)
    assert f"host: receiver.test:{receiver.port}" in receiver.requests[0].lower()


async def test_each_attempt_resolves_anew_and_keeps_no_connection_from_the_last() -> None:
    resolver = ChangingResolver(["127.0.0.1"], ["10.0.0.1"])
    async with raw_receiver(NO_CONTENT) as receiver, local_client(resolver=resolver) as client:
        await client.post(f"http://receiver.test:{receiver.port}/")
        with pytest.raises(EndpointAddressRefusedError):
            await client.post(f"http://receiver.test:{receiver.port}/")
    assert receiver.connections == 1


async def test_one_private_address_among_good_ones_keeps_all_from_being_visited() -> None:
    resolver = ChangingResolver(["127.0.0.1", "10.0.0.1"])
    async with raw_receiver(NO_CONTENT) as receiver:
        with pytest.raises(EndpointAddressRefusedError):
            await post(f"http://receiver.test:{receiver.port}/", local_client(resolver=resolver))
    assert receiver.connections == 0


async def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    resolver = ChangingResolver(["127.9.9.9", "127.0.0.1"])
    async with raw_receiver(NO_CONTENT) as receiver:
        answer = await post(f"http://receiver.test:{receiver.port}/", local_client(resolver=resolver))
    assert answer.status_code == 204


async def test_http_is_refused_towards_public_addresses_even_in_test_mode() -> None:
    resolver = ChangingResolver(["8.8.8.8"])
    with pytest.raises(EndpointAddressRefusedError):
        await post("http://receiver.test/", local_client(resolver=resolver, bounds=SHORT))


async def test_http_is_refused_outside_test_mode() -> None:
    async with raw_receiver(NO_CONTENT) as receiver:
        with pytest.raises(EndpointAddressRefusedError):
            await post(receiver.url, guarded_client(allowed=LOOPBACK, http_allowed=False))
    assert receiver.connections == 0


async def test_redirects_are_not_followed_whatever_the_client_was_configured_to_do() -> None:
    async with raw_receiver(NO_CONTENT) as secret_place:
        for status in (301, 302, 303, 307, 308):
            said = f"HTTP/1.1 {status} Go\r\nLocation: {secret_place.url}\r\nContent-Length: 0\r\n\r\n"
            async with raw_receiver(said.encode()) as receiver, local_client() as client:
                client.follow_redirects = True
                answer = await client.post(receiver.url)
                assert answer.status_code == status
    assert secret_place.connections == 0


async def test_proxies_from_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_receiver(NO_CONTENT) as proxy, raw_receiver(NO_CONTENT) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = await post(receiver.url, local_client())
    assert (answer.status_code, receiver.connections, proxy.connections) == (204, 1, 0)


async def test_tls_is_verified_for_the_name_although_the_connection_goes_to_an_address(
    tmp_path: Path,
) -> None:
    async with tls_receiver(tmp_path, "receiver.test") as (receiver, believing):
        url = f"https://receiver.test:{receiver.port}/"
        answer = await post(url, local_client(ssl_context=believing))
        assert answer.status_code == 204
        with pytest.raises(ReceiverTlsError):  # an authority nobody knows
            await post(url, local_client())
        with pytest.raises(ReceiverTlsError):  # another name
            await post(f"https://other.test:{receiver.port}/", local_client(ssl_context=believing))
        with pytest.raises(ReceiverTlsError):  # the address, which the certificate does not name
            await post(f"https://127.0.0.1:{receiver.port}/", local_client(ssl_context=believing))
    assert receiver.server_names[0] == "receiver.test"
    assert len(receiver.requests) == 1


async def test_plain_http_behind_an_https_address_is_a_tls_failure() -> None:
    async def speak_first(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw_receiver(speak_first) as receiver:
        with pytest.raises(ReceiverTlsError):
            await post(f"https://127.0.0.1:{receiver.port}/", local_client())


async def test_a_body_of_10_megabytes_is_left_unread() -> None:
    body = b"x" * 10_000_000
    async with raw_receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + body) as receiver:
        answer = await post(receiver.url, local_client())
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_body_without_an_end_is_cut_off_at_the_limit() -> None:
    cut_off = asyncio.Event()

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            cut_off.set()

    async with raw_receiver(babble) as receiver:
        answer = await post(receiver.url, local_client())
        await asyncio.wait_for(cut_off.wait(), 5)
    assert answer.status_code == 200


async def never_answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_continues(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("scheme", "script"),
    [
        ("http", never_answer),
        ("https", never_answer),
        ("http", drip_head),
        ("http", drip_body),
        ("http", drip_continues),
    ],
)
async def test_a_slow_receiver_is_left_when_the_time_is_over(scheme: str, script: Script) -> None:
    async with raw_receiver(script) as receiver:
        began = monotonic()
        with pytest.raises(ReceiverTimeoutError):
            await post(f"{scheme}://127.0.0.1:{receiver.port}/", local_client(bounds=SHORT))
    assert monotonic() - began < 2


async def test_a_receiver_that_stalls_in_the_tls_handshake_is_left_without_a_leak() -> None:
    handshake_outlasts_all = Bounds(connect_seconds=5, total_seconds=0.3)
    async with raw_receiver(never_answer) as receiver:
        with pytest.raises(ReceiverTimeoutError):
            await post(f"https://127.0.0.1:{receiver.port}/", local_client(bounds=handshake_outlasts_all))


async def test_a_body_that_the_receiver_does_not_take_is_given_up() -> None:
    async def take_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with raw_receiver(take_nothing) as receiver, local_client(bounds=SHORT) as client:
        with pytest.raises(ReceiverTimeoutError):
            await client.post(receiver.url, content=b"x" * 50_000_000)


async def test_an_address_that_drops_packets_costs_the_connect_time_only() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):  # with its queue full, Linux drops further connections
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        bounds = Bounds(connect_seconds=0.3, total_seconds=10)
        began = monotonic()
        with pytest.raises(ReceiverTimeoutError):
            await post(f"http://127.0.0.1:{full.getsockname()[1]}/", local_client(bounds=bounds))
        assert monotonic() - began < 2


async def test_a_resolver_that_does_not_answer_is_given_up() -> None:
    async def silent(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(ReceiverTimeoutError):
        await post("https://receiver.test/", local_client(resolver=silent, bounds=SHORT))


async def test_a_closed_port_is_unreachable() -> None:
    async with raw_receiver(NO_CONTENT) as receiver:
        url = receiver.url
    with pytest.raises(ReceiverUnreachableError):
        await post(url, local_client())


@pytest.mark.parametrize(
    "said_before", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_a_connection_reset_at_any_point_is_a_failure(said_before: bytes) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said_before)
        await writer.drain()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with raw_receiver(reset) as receiver:
        with pytest.raises(ReceiverUnreachableError):
            await post(receiver.url, local_client())


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff" * 1000,
        b"HTTP/x.y 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 204 No Content",
    ],
)  # fmt: skip
async def test_what_is_no_http_is_a_failure(said: bytes) -> None:
    async with raw_receiver(said) as receiver:
        with pytest.raises(NoAnswerError) as failure:
            await post(receiver.url, local_client())
    assert (
        str(failure.value)
        == "The receiver could not be reached, broke the connection off or did not speak HTTP."
    )
    assert failure.value.__cause__ is None
