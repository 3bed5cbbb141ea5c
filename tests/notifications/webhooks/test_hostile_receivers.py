"""Receivers that stall, babble, lead astray or pretend: what the attempt log says, and what our own log does not."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.foundation.audit import OPERATOR
from app.notifications.transport.addresses import AllowedNetworks, Resolver, resolve_by_system
from app.notifications.transport.guarded_transport import Bounds, guarded_client
from app.notifications.webhooks.delivering import Outbox, deliver_due
from app.notifications.webhooks.endpoints import seal_url
from app.storage import endpoints
from tests.support.certificates import certificate_for
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import CANARY
from tests.support.raw_receiver import RawReceiver, Script, raw_receiver, read_request
from tests.support.service import Service, running_service

SHORT = Bounds(connect_seconds=0.5, total_seconds=1.0)
HEAD = f"HTTP/1.1 200 OK\r\nX-Patient: {CANARY}\r\n".encode()
# Nobody can be asked to go here: it is what answers are tried to lead to.
INSIDE = "http://10.0.0.1/admin"


@pytest.fixture(scope="module")
def idle(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service whose deliveries wait until the test makes the attempt."""
    with running_service(own_database.application_url, work=False, speedup=1) as running:
        yield running


@pytest.fixture
def clinic(idle: Service) -> Iterator[ClinicClient]:
    client = clinic_client(idle)
    yield client
    client.close()


async def move(service: Service, clinic_id: UUID, endpoint_id: UUID, url: str) -> None:
    """Give an endpoint an address past the check, as if the world had changed since."""
    async with service.context.work(clinic_id, actor=OPERATOR) as work:
        stored = await endpoints.find(work, endpoint_id)
        assert stored is not None
        sealed = seal_url(work, endpoint_id, url)
        moved = await endpoints.change(
            work, endpoint_id, url_sealed=sealed, events=None, care_team=None, version=stored.version
        )
        work.audit("endpoint.changed", "endpoint", endpoint_id)
        assert moved


def attempted(
    service: Service,
    clinic: ClinicClient,
    script: Script | bytes,
    *,
    scheme: str = "http",
    host: str = "127.0.0.1",
    server_side: ssl.SSLContext | None = None,
    resolver: Resolver = resolve_by_system,
) -> tuple[dict[str, Any], RawReceiver]:
    """Make one attempt at a receiver that follows the script; gives what the log says of it, and the receiver."""
    endpoint = clinic.add_endpoint("http://127.0.0.1:9/hook")
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert clinic.http.post(path + "/test").status_code == 202
    (delivery,) = clinic.http.get(path + "/deliveries").json()["items"]
    clinic_id = UUID(clinic.clinic_id)

    async def attempt() -> RawReceiver:
        async with (
            raw_receiver(script, ssl_context=server_side) as receiver,
            guarded_client(
                allowed=AllowedNetworks.parse("127.0.0.0/8"),
                http_allowed=True,
                bounds=SHORT,
                resolver=resolver,
            ) as client,
        ):
            url = f"{scheme}://{host}:{receiver.port}/hook"
            await move(service, clinic_id, UUID(endpoint["id"]), url)
            outbox = Outbox(context=service.context, client=client)
            assert await deliver_due(outbox, clinic_id, UUID(endpoint["id"]), safety=False, limit=1) == 1
        return receiver

    receiver = service.run(attempt())
    (one,) = clinic.http.get(f"/v1/deliveries/{delivery['id']}").json()["attempts"]
    return one, receiver


async def drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"X-Slow: ")
    await drip(writer)


async def drip_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    await drip(writer)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Let a byte go now and then, so that no wait for the next one is ever long."""
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def never_answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def said(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"X-Patient: {CANARY}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CASES: list[tuple[str, Script | bytes, int | None, str | None]] = [
    ("never answers", never_answer, None, "timeout"),
    ("gives its head byte by byte", drip_head, None, "timeout"),
    ("gives its body byte by byte", drip_body, None, "timeout"),
    ("says that it is gone", said("410 Gone"), 410, "gone"),
    ("leads to a private address", said("302 Found", f"Location: {INSIDE}"), 302, "redirect_refused"),
    ("leads there for good", said("308 Moved", f"Location: {INSIDE}"), 308, "redirect_refused"),
    ("answers 10 MB", said("200 OK", body=b"x" * 10_000_000), 200, None),
    ("fails with 10 MB", said("500 Oops", body=b"x" * 10_000_000), 500, "http_status"),
    ("speaks something else", b"SSH-2.0-OpenSSH_9.2 " + CANARY.encode() + b"\r\n", None, "connection_failed"),
    ("hangs up", b"", None, "connection_failed"),
]


@pytest.mark.parametrize(("what", "script", "status", "error"), CASES, ids=[case[0] for case in CASES])
def test_an_attempt_ends_in_time_is_reported_and_leaks_nothing(
    idle: Service,
    clinic: ClinicClient,
    own_log: StringIO,
    what: str,
    script: Script | bytes,
    status: int | None,
    error: str | None,
) -> None:
    one, receiver = attempted(idle, clinic, script)

    assert (one["http_status"], one["error"]) == (status, error), what
    assert (one["detail"] or "").endswith("." if error else "")
    assert one["milliseconds"] < 5000
    assert receiver.connections == 1, "and nowhere else"
    line = own_log.getvalue()
    assert "delivery.attempted" in line
    assert f'"outcome": "{error or "ok"}"' in line
    for secret in (CANARY, receiver.url, "/hook", INSIDE):
        assert secret not in line
    assert CANARY not in str(one)


def test_a_receiver_that_is_gone_is_disabled(idle: Service, clinic: ClinicClient) -> None:
    attempted(idle, clinic, said("410 Gone"))
    (endpoint,) = clinic.http.get("/v1/webhook-endpoints").json()["items"]
    assert (endpoint["state"], endpoint["disabled_because"]) == ("disabled", "gone")


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.test"])
def test_a_certificate_that_nobody_vouches_for_is_reported(
    idle: Service, clinic: ClinicClient, own_log: StringIO, tmp_path: Path, name: str
) -> None:
    server_side, _ = certificate_for(tmp_path, name)

    one, receiver = attempted(idle, clinic, said("200 OK"), scheme="https", server_side=server_side)

    assert (one["http_status"], one["error"]) == (None, "tls_failed")
    assert receiver.requests == [], "nothing was said to it"
    assert '"outcome": "tls_failed"' in own_log.getvalue()


class AlternatingNames:
    """Stands for the allowed network and for a private address in turn, or for both at once.

    Loopback, which the test allows, plays what is public: a test must not call anybody outside.
    """

    def __init__(self) -> None:
        self.answers = [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]]
        self.questions = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        answer = self.answers[self.questions % len(self.answers)]
        self.questions += 1
        return answer


def test_a_name_whose_addresses_alternate_is_reached_only_where_it_was_checked(
    idle: Service, clinic: ClinicClient
) -> None:
    names = AlternatingNames()
    errors, connections = [], []
    for _ in range(2 * len(names.answers)):
        one, receiver = attempted(idle, clinic, said("204 No"), host="receiver.test", resolver=names)
        errors.append((one["error"], one["detail"]))
        connections.append(receiver.connections)

    refused = "The address, and every one that its name stands for now, must be public HTTPS."
    assert errors == [(None, None), *[("address_refused", refused)] * 3] * 2
    assert connections == [1, 0, 0, 0] * 2
    assert names.questions == len(errors), "asked once an attempt: a second answer cannot matter"
