"""A batch of one endpoint's deliveries: claim what is due, send all at once, keep how each ended.

No transaction stays open while the receiver is spoken to. A worker that dies in between lets go of its claims after
a minute (of safety deliveries after 25 seconds), and they are sent again with the same ``webhook-id``.

An endpoint that does not answer in time, several times in a row, opens its circuit: one delivery at a time finds out
whether it answers again, and the others wait without using up their attempts. Safety deliveries keep their pace.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from random import Random, SystemRandom
from time import monotonic
from typing import Final
from uuid import UUID

import httpx2
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from app.context import AppContext, Work
from app.foundation.ids import new_id
from app.foundation.tracing import note, span
from app.notifications.transport import signing
from app.notifications.transport.addresses import EndpointAddressRefusedError
from app.notifications.transport.guarded_transport import (
    NoAnswerError,
    ReceiverTimeoutError,
    ReceiverTlsError,
    ReceiverUnreachableError,
    read_retry_after,
)
from app.notifications.webhooks.endpoints import Format, open_secrets, open_url
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.fhir_format import MEDIA_TYPE, notification_of
from app.notifications.webhooks.retry_schedule import (
    AttemptError,
    AttemptOutcome,
    DeliveryKind,
    Exhausted,
    RetryAt,
    circuit_opens,
    next_attempt,
)
from app.notifications.webhooks.trouble import Because, disable, hold_if_disabled, notify_of_exhausted
from app.storage import deliveries, endpoints, safety_events
from app.storage.deliveries import Attempt, AttemptResult, Delivery
from app.storage.endpoints import Endpoint, Failing

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


ATTEMPTS: Final = Counter(
    "afterglow_delivery_attempts", "Attempts to deliver an event, by how they ended", ["urgency", "outcome"]
)
# Longer than any attempt may take (15 s), so that no two workers send at once.
CLAIM_LASTS: Final = timedelta(seconds=60)
# A worker that died with a safety delivery keeps it, and all that waits behind it, no longer than this. Sent twice
# it does no harm: the receiver knows its id.
SAFETY_CLAIM_LASTS: Final = timedelta(seconds=25)
# An endpoint at which nothing at all succeeds for this long is disabled, and what is due to it held.
_GIVE_UP_AFTER: Final = timedelta(days=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """What sending needs: the guarded client, and by how much waits are shortened (chaos tests only)."""

    context: AppContext
    client: httpx2.AsyncClient
    speedup: int = 1
    chance: Random = field(default_factory=SystemRandom)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    endpoint: Endpoint
    claimed: Sequence[Delivery]
    messages: Sequence[OutgoingMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempted:
    delivery: Delivery
    started_at: datetime
    outcome: AttemptOutcome

    @property
    def as_kept(self) -> Attempt:
        """The attempt as the log keeps it."""
        outcome = self.outcome
        return Attempt(
            id=new_id(),
            delivery_id=self.delivery.id,
            started_at=self.started_at,
            milliseconds=int(outcome.duration.total_seconds() * 1000),
            http_status=outcome.status,
            error=outcome.error.value if outcome.error else None,
        )


async def deliver_due(outbox: Outbox, clinic_id: UUID, endpoint_id: UUID, *, safety: bool, limit: int) -> int:
    """Attempt what is due to one endpoint, at most so many at once; gives how many were attempted."""
    batch = await _claim(outbox, clinic_id, endpoint_id, safety=safety, limit=limit)
    if batch is None:
        return 0
    pairs = zip(batch.claimed, batch.messages, strict=True)
    attempted = await asyncio.gather(*(_attempt(outbox, clinic_id, *pair) for pair in pairs))
    await _keep(outbox, clinic_id, batch.endpoint, attempted)
    return len(attempted)


async def _claim(
    outbox: Outbox, clinic_id: UUID, endpoint_id: UUID, *, safety: bool, limit: int
) -> _Batch | None:
    async with outbox.context.work(clinic_id) as work:
        endpoint = await endpoints.find(work, endpoint_id)
        if endpoint is None or endpoint.state != "enabled":
            await hold_if_disabled(work, endpoint_id)
            return None
        until = work.real_now + (SAFETY_CLAIM_LASTS if safety else CLAIM_LASTS)
        if endpoint.probe_at is not None:
            limit = 1
            if not safety and not await endpoints.take_probe(
                work, endpoint_id, now=work.real_now, until=until
            ):
                return None
        if endpoint.format == Format.FHIR:
            # What is claimed is counted there: it is locked before its deliveries, as whoever disables it does.
            await endpoints.find(work, endpoint_id, lock=True)
        claimed = await deliveries.claim_due(
            work, endpoint_id, safety=safety, now=work.real_now, until=until, limit=limit
        )
        if not claimed:
            return None
        for delivery in claimed:
            await _note_sent(work, delivery)
        if endpoint.format == Format.FHIR:
            claimed = await _numbered(work, endpoint, claimed)
        messages = [_message(work, delivery, endpoint) for delivery in claimed]
    return _Batch(endpoint=endpoint, claimed=claimed, messages=messages)


async def _note_sent(work: Work, delivery: Delivery) -> None:
    if delivery.type == EventType.SAFETY_REPORTED and delivery.attempts_made == 1:
        work.audit("safety.sent", "delivery", delivery.id)
        await safety_events.note_sent(work, delivery.notification_id, now=work.real_now)


async def _numbered(work: Work, endpoint: Endpoint, claimed: list[Delivery]) -> list[Delivery]:
    """Give each event its number when it is first sent; a test is none."""
    new = [one.id for one in claimed if one.number is None and one.type != EventType.ENDPOINT_TEST]
    if not new:
        return claimed
    first = await endpoints.count_numbered(work, endpoint.id, len(new))
    await deliveries.give_numbers(work, new, first=first)
    numbers = dict(zip(new, range(first, first + len(new)), strict=True))
    return [replace(one, number=numbers.get(one.id, one.number)) for one in claimed]


def _message(work: Work, delivery: Delivery, endpoint: Endpoint) -> OutgoingMessage:
    fhir = endpoint.format == Format.FHIR
    body = notification_of(delivery, base_url=f"{work.public_url}/fhir") if fhir else delivery.body
    return OutgoingMessage(
        media_type=MEDIA_TYPE if fhir else "application/json",
        url=open_url(work, endpoint),
        webhook_id=str(delivery.notification_id),
        body=body.encode(),
        secrets=open_secrets(work.vault, work.clinic_id, endpoint, now=work.real_now),
    )


async def _attempt(
    outbox: Outbox, clinic_id: UUID, delivery: Delivery, message: OutgoingMessage
) -> _Attempted:
    started_at = outbox.context.clock.now()
    with span(
        "delivery.attempted",
        kind=SpanKind.CLIENT,
        follows=delivery.traceparent,
        clinic_id=clinic_id,
        delivery_id=delivery.id,
        attempt=delivery.attempts_made,
    ) as opened:
        outcome = await send(outbox.client, message, started_at)
        note(opened, outcome=outcome.error.value if outcome.error else "ok", status=outcome.status)
    ATTEMPTS.labels(delivery.urgency, outcome.error.value if outcome.error else "ok").inc()
    structlog.get_logger().info(
        "delivery.attempted",
        clinic_id=str(clinic_id),
        delivery_id=str(delivery.id),
        attempt=delivery.attempts_made,
        outcome=outcome.error.value if outcome.error else "ok",
        status=outcome.status,
    )
    return _Attempted(delivery=delivery, started_at=started_at, outcome=outcome)


async def _keep(outbox: Outbox, clinic_id: UUID, endpoint: Endpoint, attempted: Sequence[_Attempted]) -> None:
    async with outbox.context.work(clinic_id) as work:
        # The endpoint first: whoever disables or enables it locks it, and then all deliveries to it.
        failing = await _note_how_it_is(work, outbox, endpoint, attempted)
        existing = await deliveries.lock_existing(work, [one.delivery.id for one in attempted])
        # Of the others, the patient whom they were about was erased in the meantime, and they with them.
        kept = [one for one in attempted if one.delivery.id in existing]
        if not kept:
            return
        results = [_result(work, outbox, one, failing) for one in kept]
        await deliveries.note_attempts(work, results)
        for one, result in zip(kept, results, strict=True):
            await _note_what_follows(work, one, result, failing)
        if failing is not None and failing.enabled:
            await _disable_if_hopeless(work, endpoint.id, kept, failing)


async def _note_how_it_is(
    work: Work, outbox: Outbox, endpoint: Endpoint, attempted: Sequence[_Attempted]
) -> Failing | None:
    """Keep how the endpoint is: whether anything got through, and whether it answers. None: all did get through."""
    failed = [one.outcome for one in attempted if not one.outcome.ok]
    if len(failed) < len(attempted) and not endpoint.is_clean:
        await endpoints.note_success(work, endpoint.id)
    if not failed:
        return None
    unanswered = sum(outcome.error is AttemptError.TIMEOUT for outcome in failed)
    answers = unanswered < len(attempted)
    failing = await endpoints.note_failure(
        work, endpoint.id, now=work.real_now, unanswered=0 if answers else unanswered
    )
    wait = circuit_opens(failing.unanswered, speedup=outbox.speedup)
    if wait is not None or endpoint.probe_at is not None:
        await endpoints.set_probe(work, endpoint.id, probe_at=None if wait is None else work.real_now + wait)
    return failing


def _result(work: Work, outbox: Outbox, one: _Attempted, failing: Failing | None) -> AttemptResult:
    work.audit("delivery.attempted", "delivery", one.delivery.id)
    if one.outcome.ok:
        return AttemptResult(
            attempt=one.as_kept, state="delivered", next_attempt_at=None, delivered_at=work.real_now
        )
    follows = next_attempt(
        kind=DeliveryKind(one.delivery.urgency),
        attempts_made=one.delivery.attempts_made,
        failed_at=work.real_now,
        first_attempt_at=one.delivery.first_attempt_at or work.real_now,
        outcome=one.outcome,
        jitter=outbox.chance.uniform(-1, 1),
        speedup=outbox.speedup,
    )
    at = follows.at if isinstance(follows, RetryAt) else None
    state = "exhausted" if isinstance(follows, Exhausted) else ("pending" if at else "held")
    if failing is not None and not failing.enabled:
        state = "held"  # it was disabled while we spoke to it
    return AttemptResult(attempt=one.as_kept, state=state, next_attempt_at=at, delivered_at=None)


async def _note_what_follows(
    work: Work, one: _Attempted, result: AttemptResult, failing: Failing | None
) -> None:
    if result.state == "delivered" and one.delivery.type == EventType.SAFETY_REPORTED:
        work.audit("safety.delivered", "delivery", one.delivery.id)
        await safety_events.note_delivered(work, one.delivery.notification_id, now=work.real_now)
    if result.state == "exhausted" and failing is not None:
        await notify_of_exhausted(work, one.delivery, failing_since=failing.since)


async def _disable_if_hopeless(
    work: Work, endpoint_id: UUID, attempted: Sequence[_Attempted], failing: Failing
) -> None:
    gone = any(one.outcome.error is AttemptError.GONE for one in attempted)
    if gone or work.real_now - failing.since >= _GIVE_UP_AFTER:
        work.audit("endpoint.disabled", "endpoint", endpoint_id)
        await disable(work, endpoint_id, because=Because.GONE if gone else Because.ONLY_FAILING)
