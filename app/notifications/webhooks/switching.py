"""Endpoints switched off and on again by hand, and taken out of use."""

from datetime import datetime
from uuid import UUID

from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.notifications.webhooks.disabling import Because, disable_in, remove_in
from app.notifications.webhooks.endpoint_view import EndpointView, existing, view_of
from app.notifications.webhooks.notifying import queue_delivery
from app.storage import delivery_restarts, endpoints


async def enable(context: AppContext, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> EndpointView:
    """Send to a disabled endpoint again; what was held goes out, safety first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        await existing(work, endpoint_id, lock=True)
        audit = _event(now, actor, "endpoint.enabled", endpoint_id)
        await endpoints.enable(work, endpoint_id, audit=audit)
        for delivery_id, safety in await delivery_restarts.release_held(
            work, endpoint_id, now=now, audit=audit
        ):
            queue_delivery(work, delivery_id, safety=safety)
        endpoint = await existing(work, endpoint_id)
        await work.commit()
    return view_of(context.vault, clinic_id, endpoint, now=now)


async def disable(context: AppContext, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> EndpointView:
    """Send nothing more to an endpoint until it is enabled again; what is due to it meanwhile is held.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        if (await existing(work, endpoint_id, lock=True)).state == "enabled":
            audit = _event(now, actor, "endpoint.disabled", endpoint_id)
            await disable_in(work, context, endpoint_id, because=Because.BY_HAND, audit=audit)
        endpoint = await existing(work, endpoint_id)
        await work.commit()
    return view_of(context.vault, clinic_id, endpoint, now=now)


async def remove(context: AppContext, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> None:
    """Take an endpoint out of use for good; what was and was not delivered to it stays in the log.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        was = await existing(work, endpoint_id, lock=True)
        audit = _event(now, actor, "endpoint.removed", endpoint_id)
        await remove_in(work, context, endpoint_id, was_enabled=was.state == "enabled", audit=audit)
        await work.commit()


def _event(now: datetime, actor: Actor, action: str, endpoint_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=actor, action=action, subject_kind="endpoint", subject_id=endpoint_id)
