"""One attempt to deliver one message: signed, sent, and reported as a value, whatever the receiver does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic
from typing import Final

import httpx2

from app.notifications.transport import signing
from app.notifications.transport.addresses import EndpointAddressRefusedError
from app.notifications.transport.guarded_transport import (
    NoAnswerError,
    ReceiverTimeoutError,
    ReceiverTlsError,
    ReceiverUnreachableError,
)
from app.notifications.transport.retry_after import read_retry_after
from app.notifications.webhooks.retry_schedule import AttemptError, AttemptOutcome

_CODES: Final[dict[type[Exception], AttemptError]] = {
    EndpointAddressRefusedError: AttemptError.ADDRESS_REFUSED,
    httpx2.InvalidURL: AttemptError.ADDRESS_REFUSED,
    ReceiverTimeoutError: AttemptError.TIMEOUT,
    ReceiverTlsError: AttemptError.TLS_FAILED,
    ReceiverUnreachableError: AttemptError.CONNECTION_FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """What one attempt sends (``body``: exact bytes, JSON in UTF-8), where to, and signed by which secrets."""

    url: str
    webhook_id: str
    body: bytes
    secrets: Sequence[str] = field(repr=False)
    media_type: str = "application/json"


async def send(client: httpx2.AsyncClient, message: OutgoingMessage, now: datetime) -> AttemptOutcome:
    """Make one attempt and say how it ended.

    No answer, however broken, raises; what is wrong with the message itself (no secret, a time without
    an offset) does. Nothing is logged, and nothing of the answer is kept but status and ``Retry-After``.

    Args:
        client: Made by ``guarded_client``, which bounds the time and checks the address.
        message: What to send.
        now: The time of this attempt, aware; it is signed.
    """
    headers = signing.headers(message.webhook_id, now, message.body, message.secrets)
    headers["content-type"] = message.media_type
    began = monotonic()
    try:
        answer = await client.post(message.url, content=message.body, headers=headers)
    except (EndpointAddressRefusedError, httpx2.InvalidURL, NoAnswerError) as failure:
        return AttemptOutcome(
            error=_CODES[type(failure)], status=None, retry_after=None, duration=_since(began)
        )
    duration = _since(began)
    return AttemptOutcome(
        error=error_of_status(answer.status_code),
        status=answer.status_code,
        retry_after=read_retry_after(answer.headers.get("retry-after"), answered_at=now + duration),
        duration=duration,
    )


def error_of_status(status: int) -> AttemptError | None:
    """Say what an HTTP status means for a delivery: None for 2xx, redirects fail, 410 is for good."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return AttemptError.REDIRECT_REFUSED
    if status == HTTPStatus.GONE:
        return AttemptError.GONE
    return AttemptError.HTTP_STATUS


def _since(began: float) -> timedelta:
    return timedelta(seconds=monotonic() - began)
