"""One attempt as a value, whatever the receiver does."""

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from standardwebhooks import Webhook

from app.notifications.transport import signing
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import Bounds, guarded_client
from app.notifications.webhooks.delivering import OutgoingMessage, send
from app.notifications.webhooks.retry_schedule import AttemptError
from tests.support.raw_receiver import raw_receiver, read_request

pytestmark = pytest.mark.anyio

SECRET = signing.new_secret()
BODY = b'{"type":"endpoint.test"}'


def client(*, total_seconds: float = 5.0) -> httpx2.AsyncClient:
    return guarded_client(
        allowed=AllowedNetworks.parse("127.0.0.0/8"),
        http_allowed=True,
        bounds=Bounds(total_seconds=total_seconds),
    )


def message(url: str) -> OutgoingMessage:
    return OutgoingMessage(url=url, webhook_id="msg_1", body=BODY, secrets=[SECRET])


async def test_a_delivered_message_is_signed_and_the_outcome_is_good() -> None:
    async with raw_receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as receiver, client() as out:
        outcome = await send(out, message(receiver.url), datetime.now(UTC))
    assert (outcome.ok, outcome.error, outcome.status, outcome.retry_after) == (True, None, 204, None)
    assert timedelta(0) < outcome.duration < timedelta(seconds=5)
    head, _, body = receiver.requests[0].partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert (headers["user-agent"], headers["content-type"]) == ("Afterglow-Webhooks/1", "application/json")
    assert Webhook(SECRET).verify(body, headers) == {"type": "endpoint.test"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (202, None),
        (299, None),
        (300, AttemptError.REDIRECT_REFUSED),
        (302, AttemptError.REDIRECT_REFUSED),
        (304, AttemptError.REDIRECT_REFUSED),
        (400, AttemptError.HTTP_STATUS),
        (404, AttemptError.HTTP_STATUS),
        (410, AttemptError.GONE),
        (429, AttemptError.HTTP_STATUS),
        (500, AttemptError.HTTP_STATUS),
        (999, AttemptError.HTTP_STATUS),
    ],
)
async def test_the_status_decides(status: int, error: AttemptError | None) -> None:
    said = f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    async with raw_receiver(said) as receiver, client() as out:
        outcome = await send(out, message(receiver.url), datetime.now(UTC))
    assert (outcome.status, outcome.error, outcome.ok) == (status, error, error is None)


async def test_retry_after_is_given_as_a_wait() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    in_an_hour = (now + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for header, wait in (("90", 90.0), (in_an_hour, 3600.0)):
        said = f"HTTP/1.1 429 Slow\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n".encode()
        async with raw_receiver(said) as receiver, client() as out:
            outcome = await send(out, message(receiver.url), now)
        assert outcome.retry_after is not None
        assert wait - 5 < outcome.retry_after.total_seconds() <= wait


async def test_silence_is_a_timeout() -> None:
    async def wait_for_ever(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_receiver(wait_for_ever) as receiver, client(total_seconds=0.3) as out:
        outcome = await send(out, message(receiver.url), datetime.now(UTC))
    assert (outcome.error, outcome.status) == (AttemptError.TIMEOUT, None)
    assert timedelta(seconds=0.25) < outcome.duration < timedelta(seconds=2)


async def test_a_certificate_nobody_vouches_for_and_a_closed_port_have_their_own_codes() -> None:
    async def speak_first(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    async with raw_receiver(speak_first) as receiver, client() as out:
        outcome = await send(out, message(f"https://127.0.0.1:{receiver.port}/"), datetime.now(UTC))
        assert outcome.error is AttemptError.TLS_FAILED
    async with client() as out:
        outcome = await send(out, message(receiver.url), datetime.now(UTC))
        assert outcome.error is AttemptError.CONNECTION_FAILED


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "https://10.0.0.1/",
        "http://8.8.8.8/",
        "https://[::1]/",
        "https://[::1",
        "https://example.com:99999/",
        "https://2130706433/",
        "https://user:password@127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://127.0.0.1/\x00",
        "https://" + "a" * 70_000,
    ],
)
async def test_an_address_that_may_not_be_reached_is_an_outcome_too(url: str) -> None:
    async with client() as out:
        outcome = await send(out, message(url), datetime.now(UTC))
    assert (outcome.error, outcome.status, outcome.ok) == (AttemptError.ADDRESS_REFUSED, None, False)


async def test_the_answers_body_and_our_secrets_are_neither_kept_nor_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    said = b"HTTP/1.1 500 Oops\r\nContent-Length: 15\r\n\r\npatient is Anna"
    async with raw_receiver(said) as receiver, client() as out:
        outcome = await send(out, message(receiver.url), datetime.now(UTC))
    assert outcome.status == 500
    assert "Anna" not in caplog.text + repr(outcome)
    assert SECRET not in caplog.text + repr(message(receiver.url))


async def test_300_damaged_answers_all_end_as_outcomes() -> None:
    dice = random.Random(4)  # noqa: S311 - a repeatable test wants no secrecy
    good = b"HTTP/1.1 200 OK\r\nRetry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    async def answer_damaged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        said = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            said[dice.randrange(len(said))] = dice.randrange(256)
        writer.write(bytes(said[: dice.randrange(len(said) + 1)]))
        await writer.drain()

    async with raw_receiver(answer_damaged) as receiver, client() as out:
        outcomes = [await send(out, message(receiver.url), datetime.now(UTC)) for _ in range(300)]
    assert {outcome.error for outcome in outcomes} >= {None, AttemptError.CONNECTION_FAILED}
    assert all(
        (outcome.status is None) == (outcome.error is AttemptError.CONNECTION_FAILED) for outcome in outcomes
    )


async def test_a_cancelled_attempt_stops_at_once() -> None:
    async def wait_for_ever(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_receiver(wait_for_ever) as receiver, client() as out:
        attempt = asyncio.create_task(send(out, message(receiver.url), datetime.now(UTC)))
        await asyncio.sleep(0.1)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
