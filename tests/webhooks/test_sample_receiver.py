"""The sample receiver that we hand out, against messages that our own sender signed and sent."""

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from app.outbound import signing
from app.outbound.addresses import AllowedNetworks
from app.outbound.guarded_transport import guarded_client
from app.webhooks.sender import OutgoingMessage, send

SAMPLE = Path(__file__).parents[2] / "docs" / "receivers" / "receiver.py"
SECRET = signing.new_secret()
BODY = '{"type":"endpoint.test","note":"ä"}'.encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def sample_receiver(
    take: Callable[[dict[str, Any]], None], *, secrets: Sequence[str] = (SECRET,)
) -> Iterator[int]:
    """Run the sample in a thread; gives its port."""
    spec = importlib.util.spec_from_file_location("sample_receiver", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.make_server(secrets, take) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def post(port: int, headers: dict[str, str], body: bytes = BODY) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def signed(webhook_id: str = "msg_1", *, age: timedelta = timedelta(0), body: bytes = BODY) -> dict[str, str]:
    return signing.headers(webhook_id, datetime.now(UTC) - age, body, [SECRET])


async def deliver(port: int, webhook_id: str, secrets: Sequence[str] = (SECRET,)) -> int | None:
    async with guarded_client(allowed=AllowedNetworks.parse("127.0.0.0/8"), http_allowed=True) as client:
        url = f"http://127.0.0.1:{port}/hook"
        message = OutgoingMessage(url=url, webhook_id=webhook_id, body=BODY, secrets=secrets)
        return (await send(client, message, datetime.now(UTC))).status


@pytest.mark.anyio
async def test_what_our_sender_sends_is_taken_once_however_often_it_comes() -> None:
    taken: list[dict[str, Any]] = []
    with sample_receiver(taken.append) as port:
        assert [await deliver(port, webhook_id) for webhook_id in ("msg_1", "msg_1", "msg_2")] == [204] * 3
    assert taken == [{"type": "endpoint.test", "note": "ä"}] * 2


@pytest.mark.anyio
async def test_while_secrets_rotate_a_receiver_with_either_secret_goes_on() -> None:
    new = signing.new_secret()
    for known in ([SECRET], [new], [new, SECRET]):
        with sample_receiver(lambda _message: None, secrets=known) as port:
            assert await deliver(port, "msg_1", [new, SECRET]) == 204
            assert await deliver(port, "msg_1", [signing.new_secret()]) == 401


@pytest.mark.parametrize(
    "malformed", ["v1", "v1,", "v1,!", "v1,a", "v1,ä", "v1a,AAAA", ",", "", "v1,a,b", "x" * 500]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_malformed_signature_does_not_hide_the_good_one_beside_it(malformed: str, *, first: bool) -> None:
    headers = signed()
    good = headers["webhook-signature"]
    with sample_receiver(lambda _message: None) as port:
        for entries, status in ([malformed, good] if first else [good, malformed], 204), ([malformed], 401):
            assert post(port, headers | {"webhook-signature": " ".join(entries)}) == status


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"webhook-id": "msg_2"}, 401),
        ({"webhook-id": ""}, 401),
        ({"webhook-timestamp": "0"}, 401),
        ({"webhook-timestamp": "soon"}, 401),
        ({"webhook-timestamp": "1e9"}, 401),
        ({"webhook-timestamp": "9" * 400}, 401),
        ({"webhook-signature": ""}, 401),
        ({"content-length": "70000"}, 413),
        ({"content-length": "-1"}, 411),
    ],
)
def test_changed_headers_are_refused(changed: dict[str, str], status: int) -> None:
    taken: list[dict[str, Any]] = []
    with sample_receiver(taken.append) as port:
        assert post(port, signed() | changed) == status
        assert post(port, signed(), BODY.replace(b"t", b"T")) == 401
    assert taken == []


def test_missing_headers_are_refused() -> None:
    with sample_receiver(lambda _message: None) as port:
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            assert post(port, {key: value for key, value in signed().items() if key != name}) == 401


def test_a_message_played_back_after_five_minutes_is_refused() -> None:
    with sample_receiver(lambda _message: None) as port:
        for minutes, status in ((4, 204), (-4, 204), (6, 401), (-6, 401)):
            assert post(port, signed(f"msg_{minutes}", age=timedelta(minutes=minutes))) == status


def test_a_message_that_could_not_be_worked_on_is_taken_when_it_comes_again() -> None:
    seen: list[dict[str, Any]] = []

    def take(message: dict[str, Any]) -> None:
        seen.append(message)
        if len(seen) == 1:
            raise OSError

    with sample_receiver(take) as port:
        assert [post(port, signed()) for _ in range(3)] == [500, 204, 204]
    assert len(seen) == 2


def test_the_sample_runs_as_a_program_on_the_standard_library_alone() -> None:
    environment = {"AFTERGLOW_WEBHOOK_SECRET": SECRET, "PATH": os.environ.get("PATH", "")}
    # -S and -I: neither installed packages nor our own tree can be imported.
    command = [sys.executable, "-I", "-S", str(SAMPLE), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as program:
        try:
            assert program.stdout is not None
            port = int(program.stdout.readline().decode().rsplit(":", 1)[1])
            assert post(port, signed()) == 204
            assert program.stdout.readline() == b'{"type": "endpoint.test", "note": "\\u00e4"}\n'
        finally:
            program.terminate()
