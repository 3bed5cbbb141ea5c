"""The gateway gets one signed call for each text message; the sample that we hand out understands it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.foundation.ids import new_id
from app.foundation.relays import GatewayRelay, GatewaySettingsError, read_gateway_relay
from app.notifications.messages.http_posts import GatewayCall, GatewayKind, call_gateway
from app.notifications.messages.outcomes import Ending
from app.notifications.messages.sending import Post
from app.notifications.messages.wording import text_of
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.transport.signing import new_secret
from app.outbox import Channel, Wording
from tests.docs.pages import ROOT, block
from tests.notifications.messages.conftest import LINK, Office
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio

NUMBER = "+14155550123"
NOWHERE = "http://127.0.0.1:9/"


def with_gateway(office: Office, receiver: Receiver) -> Post:
    receiver.secret = new_secret()
    gateway = GatewayRelay(url=receiver.url, secret=receiver.secret)
    return replace(office.post, context=replace(office.context, gateway=gateway))


async def test_a_text_message_is_one_signed_call(office: Office, receiver: Receiver) -> None:
    post = with_gateway(office, receiver)
    message_id = await office.queue(channel=Channel.GATEWAY, to=NUMBER)
    assert await office.send(message_id, post) == "sent"
    (call,) = receiver.requests
    assert call.verified
    assert call.webhook_id == str(message_id)
    assert call.event == {
        "id": str(message_id),
        "kind": "sms",
        "to": NUMBER,
        "text": "Your clinic's Afterglow has a short form for you.",
        "link": LINK,
        "replies_to": f"https://afterglow.test/v1/text-messages/{office.clinic_id}",
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (204, "sent"),
        (404, "cancelled"),
        (422, "failed"),
        (401, "pending"),
        (429, "pending"),
        (500, "pending"),
    ],
)
async def test_what_the_gateway_answers_decides_what_becomes_of_the_message(
    office: Office, receiver: Receiver, status: int, state: str
) -> None:
    post = with_gateway(office, receiver)
    receiver.answer = lambda _count: status
    message_id = await office.queue(channel=Channel.GATEWAY, to=NUMBER)
    await office.send(message_id, post)
    assert (await office.read(message_id)).state == state


async def test_a_repeated_call_carries_the_same_id(office: Office, receiver: Receiver) -> None:
    post = with_gateway(office, receiver)
    receiver.answer = lambda count: 503 if count == 0 else 204
    message_id = await office.queue(channel=Channel.GATEWAY, to=NUMBER)
    await office.send(message_id, post)
    office.clock.move_to((await office.read(message_id)).next_attempt_at)
    assert await office.send(message_id, post) == "sent"
    assert [one.webhook_id for one in receiver.requests] == [str(message_id)] * 2


async def test_without_a_gateway_it_waits(office: Office) -> None:
    message_id = await office.queue(channel=Channel.GATEWAY, to=NUMBER)
    assert await office.send(message_id) is None
    assert (await office.read(message_id)).state == "pending"


async def test_a_gateway_that_is_not_there_is_called_again(office: Office) -> None:
    gateway = GatewayRelay(url=NOWHERE, secret=new_secret())
    post = replace(office.post, context=replace(office.context, gateway=gateway))
    message_id = await office.queue(channel=Channel.GATEWAY, to=NUMBER)
    assert await office.send(message_id, post) == "not_taken"


@pytest.mark.parametrize(("url", "secret"), [("https://a", None), (None, "whsec_x"), ("https://a", "x")])
def test_half_a_gateway_is_refused_at_the_start(url: str | None, secret: str | None) -> None:
    with pytest.raises(GatewaySettingsError):
        read_gateway_relay(url, secret)


@contextmanager
def sample_gateway(secret: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the sample as its page says; gives the process and its address."""
    sample = ROOT / "docs" / "receivers" / "gateway.py"
    process = subprocess.Popen(
        [sys.executable, str(sample), "--port", "0"],
        env=os.environ | {"AFTERGLOW_GATEWAY_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().removeprefix("listening on ").strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def made_as_the_page_says(tmp_path: Path) -> str:
    command = ["sh", "-c", block("gateway-secret")]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.processes
async def test_the_gateway_that_we_hand_out_sends_on_what_we_hand_over(made_as_the_page_says: str) -> None:
    secret = made_as_the_page_says
    with sample_gateway(secret) as (process, url):
        relay = read_gateway_relay(url, secret)
        assert relay is not None
        call = GatewayCall(
            id=new_id(),
            kind=GatewayKind.SMS,
            to=NUMBER,
            text=text_of(Wording.CHECK_IN_DUE, locale="es", mode="live"),
            link=LINK,
            replies_to="https://afterglow.test/v1/text-messages/x",
            sent_at=datetime.now(UTC),
        )
        allowed = AllowedNetworks.parse("127.0.0.0/8")
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            for sent in (call, call, replace(call, id=new_id(), kind=GatewayKind.PUSH, to="fcm:a")):
                assert (await call_gateway(client, relay, sent)).ending is Ending.SENT
        assert process.stdout is not None
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    assert first == {"number": NUMBER, "text": f"{call.text.body} {LINK}"}
    assert (second["token"], second["data"]) == ("fcm:a", {"link": LINK})
