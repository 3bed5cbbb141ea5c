"""The log of deliveries: reading it, and sending what is in it again."""

from datetime import datetime
from typing import Final
from uuid import UUID

from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError
from app.notifications.webhooks.endpoint_view import existing
from app.notifications.webhooks.notifying import queue_delivery
from app.notifications.webhooks.service import EndpointDisabledError
from app.storage import deliveries, delivery_log, delivery_restarts, endpoints
from app.storage.deliveries import Attempt, Delivery
from app.storage.delivery_restarts import Recovery

LoggedDelivery = tuple[Delivery, list[Attempt]]
# So many in one transaction: none stays open for long, however much an outage left behind.
_AT_A_TIME: Final = 500


class SinceInFutureError(RefusalError):
    """The time from which on to send again must not lie in the future."""

    code = "since-in-future"


async def list_deliveries(
    context: AppContext,
    clinic_id: UUID,
    endpoint_id: UUID,
    *,
    state: str | None,
    before: UUID | None,
    limit: int,
) -> list[LoggedDelivery]:
    """List an endpoint's deliveries with their attempts, newest first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    async with context.database.work(clinic_id) as work:
        await existing(work, endpoint_id)
        return await delivery_log.page(work, endpoint_id, state=state, before=before, limit=limit)


async def read_delivery(context: AppContext, clinic_id: UUID, delivery_id: UUID) -> LoggedDelivery:
    """Give one delivery with its attempts; also one to an endpoint that was removed since.

    Raises:
        NotFoundError: the clinic has no such delivery.
    """
    async with context.database.work(clinic_id) as work:
        found = await delivery_log.find(work, delivery_id)
    if found is None:
        raise NotFoundError
    return found


async def resend(context: AppContext, clinic_id: UUID, delivery_id: UUID, *, actor: Actor) -> LoggedDelivery:
    """Send a delivery again from the start of its schedule, with the same ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such delivery.
        EndpointDisabledError: its endpoint is disabled, or was removed.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        delivery = await deliveries.lock(work, delivery_id)
        if delivery is None:
            raise NotFoundError
        endpoint = await endpoints.find(work, delivery.endpoint_id)
        if endpoint is None or endpoint.state != "enabled":
            raise EndpointDisabledError
        audit = AuditEvent(
            at=now, actor=actor, action="delivery.resent", subject_kind="delivery", subject_id=delivery_id
        )
        await delivery_restarts.begin_again(work, delivery_id, now=now, audit=audit)
        queue_delivery(work, delivery_id, safety=delivery.urgency == "safety")
        await work.commit()
    return await read_delivery(context, clinic_id, delivery_id)


async def recover(
    context: AppContext,
    clinic_id: UUID,
    endpoint_id: UUID,
    *,
    since: datetime,
    also_delivered: bool,
    actor: Actor,
) -> int:
    """Send again, each with its ``webhook-id``, what happened since then and did not arrive; gives how many.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        EndpointDisabledError: it is disabled.
        SinceInFutureError: there is no such past.
    """
    now = context.clock.now()
    if since > now:
        raise SinceInFutureError("#/since")
    recovery = Recovery(endpoint_id=endpoint_id, since=since, asked_at=now, also_delivered=also_delivered)
    audit = AuditEvent(
        at=now, actor=actor, action="endpoint.recovered", subject_kind="endpoint", subject_id=endpoint_id
    )
    count, after = 0, None
    while True:
        begun = await _recover_some(context, clinic_id, recovery, after=after, audit=audit)
        count += len(begun)
        if len(begun) < _AT_A_TIME:
            return count
        after = begun[-1]


async def _recover_some(
    context: AppContext, clinic_id: UUID, recovery: Recovery, *, after: UUID | None, audit: AuditEvent
) -> list[UUID]:
    async with context.database.work(clinic_id) as work:
        if (await existing(work, recovery.endpoint_id, lock=True)).state != "enabled":
            raise EndpointDisabledError
        begun = await delivery_restarts.begin_again_since(
            work, recovery, after=after, limit=_AT_A_TIME, audit=audit
        )
        for delivery_id, safety in begun:
            queue_delivery(work, delivery_id, safety=safety)
        await work.commit()
    return [delivery_id for delivery_id, _ in begun]
