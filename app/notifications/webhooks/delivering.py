"""One delivery's next step: is it due, whose turn is it, send, keep the attempt, decide what follows.

No transaction stays open while the receiver is spoken to. A worker that dies in between lets go of its
claim after a minute (of a safety delivery after 25 seconds), and it is sent again with the same ``webhook-id``.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Final
from uuid import UUID

import httpx2
import structlog

from app.context import AppContext
from app.foundation.audit import SYSTEM, AuditEvent
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.notifications.webhooks.disabling import Because, disable_in, hold_if_disabled
from app.notifications.webhooks.endpoint_secrets import open_secrets, open_url
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import queue_delivery
from app.notifications.webhooks.retry_schedule import (
    AttemptOutcome,
    DeliveryKind,
    Disable,
    Exhausted,
    RetryAt,
    next_attempt,
)
from app.notifications.webhooks.sender import OutgoingMessage, send
from app.notifications.webhooks.trouble import tell_of_exhausted
from app.storage import deliveries, delivery_standing, endpoints, safety_events
from app.storage.engine.unit_of_work import UnitOfWork

# How long others wait before they look again whether a safety delivery is still before them.
_BEHIND_SAFETY: Final = timedelta(seconds=1)
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
class _Claimed:
    delivery: deliveries.Delivery
    message: OutgoingMessage
    first_attempt_at: datetime


async def deliver(outbox: Outbox, clinic_id: UUID, delivery_id: UUID) -> AttemptOutcome | None:
    """Take one delivery one step further; None when it was not its turn."""
    claimed = await _claim(outbox, clinic_id, delivery_id)
    if claimed is None:
        return None
    started_at = outbox.context.clock.now()
    outcome = await send(outbox.client, claimed.message, started_at)
    await _keep(outbox, clinic_id, claimed, started_at, outcome)
    structlog.get_logger().info(
        "delivery.attempted",
        clinic_id=str(clinic_id),
        delivery_id=str(delivery_id),
        attempt=claimed.delivery.attempts_made + 1,
        outcome=outcome.error.value if outcome.error else "ok",
        status=outcome.status,
    )
    return outcome


async def _claim(outbox: Outbox, clinic_id: UUID, delivery_id: UUID) -> _Claimed | None:
    now = outbox.context.clock.now()
    async with outbox.context.database.work(clinic_id) as work:
        delivery = await deliveries.lock(work, delivery_id)
        if delivery is None or not _is_due(delivery, now):
            return None
        if await _waits_its_turn(work, delivery):
            await deliveries.postpone(work, delivery_id, until=now + _BEHIND_SAFETY)
            queue_delivery(work, delivery_id, safety=delivery.urgency == "safety", at=now + _BEHIND_SAFETY)
            await work.commit()
            return None
        endpoint = await endpoints.find(work, delivery.endpoint_id)
        if endpoint is not None and endpoint.state == "enabled":
            await _note_claim(work, delivery, now=now)
            await work.commit()
            return _opened(outbox.context.vault, clinic_id, delivery, endpoint, now=now)
    audit = _event(now, "delivery.held", delivery_id)
    await hold_if_disabled(outbox.context, clinic_id, delivery, audit=audit)
    return None


async def _note_claim(work: UnitOfWork, delivery: deliveries.Delivery, *, now: datetime) -> None:
    lasts = deliveries.SAFETY_CLAIM_LASTS if delivery.urgency == "safety" else deliveries.CLAIM_LASTS
    await deliveries.claim(work, delivery.id, until=now + lasts, now=now)
    if delivery.type == EventType.SAFETY_REPORTED and delivery.attempts_made == 0:
        audit = _event(now, "safety.sent", delivery.id)
        await safety_events.note_sent(work, delivery.notification_id, now=now, audit=audit)


def _opened(
    vault: Vault,
    clinic_id: UUID,
    delivery: deliveries.Delivery,
    endpoint: endpoints.Endpoint,
    *,
    now: datetime,
) -> _Claimed:
    message = OutgoingMessage(
        url=open_url(vault, clinic_id, endpoint),
        webhook_id=str(delivery.notification_id),
        body=delivery.body.encode(),
        secrets=open_secrets(vault, clinic_id, endpoint, now=now),
    )
    return _Claimed(delivery=delivery, message=message, first_attempt_at=delivery.first_attempt_at or now)


async def _waits_its_turn(work: UnitOfWork, delivery: deliveries.Delivery) -> bool:
    """Ordinary events wait behind all safety events; an escalation behind the report that it is about."""
    if delivery.urgency != "safety":
        return await delivery_standing.safety_waits_before(work, delivery)
    if delivery.type != EventType.SAFETY_UNACKNOWLEDGED:
        return False
    return await delivery_standing.earlier_waits_before(
        work, delivery, event_type=EventType.SAFETY_REPORTED.value
    )


def _is_due(delivery: deliveries.Delivery, now: datetime) -> bool:
    if delivery.state != "pending" or (delivery.claimed_until and delivery.claimed_until > now):
        return False
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now


async def _keep(
    outbox: Outbox, clinic_id: UUID, claimed: _Claimed, started_at: datetime, outcome: AttemptOutcome
) -> None:
    now = outbox.context.clock.now()
    delivery = claimed.delivery
    attempt = deliveries.Attempt(
        id=new_id(),
        delivery_id=delivery.id,
        started_at=started_at,
        milliseconds=int(outcome.duration.total_seconds() * 1000),
        http_status=outcome.status,
        error=outcome.error.value if outcome.error else None,
    )
    async with outbox.context.database.work(clinic_id) as work:
        # The endpoint first: whoever disables or enables it locks it, and then all deliveries to it.
        failing = None
        if outcome.ok:
            await endpoints.note_success(work, delivery.endpoint_id)
        else:
            failing = await endpoints.note_failure(work, delivery.endpoint_id, now=now)
        if await deliveries.lock(work, delivery.id) is None:
            return  # the patient it was about was erased in the meantime, and the delivery with them
        if failing is None:
            await _after_success(work, delivery, attempt, now=now)
        else:
            await _after_failure(work, outbox, claimed, attempt, outcome, failing, now=now)
        await work.commit()


async def _after_success(
    work: UnitOfWork, delivery: deliveries.Delivery, attempt: deliveries.Attempt, *, now: datetime
) -> None:
    audit = _event(now, "delivery.attempted", delivery.id)
    await deliveries.note_attempt(
        work, attempt, state="delivered", next_attempt_at=None, delivered_at=now, audit=audit
    )
    if delivery.type == EventType.SAFETY_REPORTED:
        arrived = _event(now, "safety.delivered", delivery.id)
        await safety_events.note_delivered(work, delivery.notification_id, now=now, audit=arrived)


async def _after_failure(
    work: UnitOfWork,
    outbox: Outbox,
    claimed: _Claimed,
    attempt: deliveries.Attempt,
    outcome: AttemptOutcome,
    failing: endpoints.Failing,
    *,
    now: datetime,
) -> None:
    delivery = claimed.delivery
    follows = next_attempt(
        kind=DeliveryKind(delivery.urgency),
        attempts_made=delivery.attempts_made + 1,
        failed_at=now,
        first_attempt_at=claimed.first_attempt_at,
        outcome=outcome,
        jitter=outbox.chance.uniform(-1, 1),
        speedup=outbox.speedup,
    )
    at = follows.at if isinstance(follows, RetryAt) else None
    state = "exhausted" if isinstance(follows, Exhausted) else ("pending" if at else "held")
    if not failing.enabled:
        state = "held"  # it was disabled while we spoke to it
    await deliveries.note_attempt(
        work,
        attempt,
        state=state,
        next_attempt_at=at,
        delivered_at=None,
        audit=_event(now, "delivery.attempted", delivery.id),
    )
    if state == "pending":
        queue_delivery(work, delivery.id, safety=delivery.urgency == "safety", at=at)
    if failing.enabled:
        await _disable_if_hopeless(work, outbox.context, delivery.endpoint_id, follows, failing, now=now)
    if state == "exhausted":
        await tell_of_exhausted(work, outbox.context, delivery, failing_since=failing.since, now=now)


async def _disable_if_hopeless(
    work: UnitOfWork,
    context: AppContext,
    endpoint_id: UUID,
    follows: RetryAt | Exhausted | Disable,
    failing: endpoints.Failing,
    *,
    now: datetime,
) -> None:
    gone = isinstance(follows, Disable)
    if gone or now - failing.since >= _GIVE_UP_AFTER:
        audit = AuditEvent(
            at=now, actor=SYSTEM, action="endpoint.disabled", subject_kind="endpoint", subject_id=endpoint_id
        )
        because = Because.GONE if gone else Because.ONLY_FAILING
        await disable_in(work, context, endpoint_id, because=because, audit=audit)


def _event(now: datetime, action: str, delivery_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=SYSTEM, action=action, subject_kind="delivery", subject_id=delivery_id)
