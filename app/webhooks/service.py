"""Endpoints and deliveries as the clinic's engineer manages them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.clinics.service import clinic_in
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.outbound.signing import new_secret
from app.storage import deliveries, endpoints
from app.storage.endpoints import Endpoint
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment
from app.webhooks.endpoint_secrets import open_secrets, open_url, seal_secret, seal_url
from app.webhooks.events import EventType
from app.webhooks.notifying import notify_endpoint, queue_delivery
from app.webhooks.receiver_addresses import checked_address

# Time for a receiver to learn the new secret: until then, a signature by either is among those sent.
_BOTH_SIGN_FOR: Final = timedelta(hours=24)


class EndpointDisabledError(RefusalError):
    """This endpoint is disabled; enable it first."""

    kind = RefusalKind.CONFLICT
    code = "endpoint-disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """An endpoint as its people see it: never its secret."""

    id: UUID
    url: str
    events: tuple[str, ...] | None
    state: str
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A new endpoint with its signing secret, which is shown this once."""

    endpoint: EndpointView
    secret: str


async def add_endpoint(
    equipment: Equipment, clinic_id: UUID, *, url: str, events: Sequence[EventType] | None, actor: Actor
) -> NewEndpoint:
    """Add an address to notify.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS; see ``checked_address``.
    """
    address = await checked_address(equipment, clinic_id, url)
    endpoint_id, secret, now = new_id(), new_secret(), equipment.clock.now()
    endpoint = Endpoint(
        id=endpoint_id,
        url_sealed=seal_url(equipment.vault, clinic_id, endpoint_id, address),
        secret_sealed=seal_secret(equipment.vault, clinic_id, endpoint_id, secret),
        events=None if events is None else tuple(event.value for event in events),
        state="enabled",
        disabled_because=None,
        failing_since=None,
        created_at=now,
    )
    async with equipment.database.work(clinic_id) as work:
        await endpoints.add(work, endpoint, audit=_event(now, actor, "endpoint.added", endpoint_id))
        await work.commit()
    return NewEndpoint(endpoint=_view(equipment.vault, clinic_id, endpoint), secret=secret)


async def list_endpoints(equipment: Equipment, clinic_id: UUID) -> list[EndpointView]:
    """List the clinic's endpoints, oldest first."""
    async with equipment.database.work(clinic_id) as work:
        found = await endpoints.all_of_clinic(work)
    return [_view(equipment.vault, clinic_id, endpoint) for endpoint in found]


async def send_test(equipment: Equipment, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> UUID:
    """Send a test event to one endpoint; gives its ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        EndpointDisabledError: it is disabled.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        endpoint = await _existing(work, endpoint_id)
        if endpoint.state != "enabled":
            raise EndpointDisabledError
        mode = (await clinic_in(work, equipment.vault)).mode
        webhook_id = await notify_endpoint(
            work, EventType.ENDPOINT_TEST, endpoint_id, mode=mode, now=now, actor=actor
        )
        await work.commit()
    return webhook_id


async def enable(equipment: Equipment, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> EndpointView:
    """Send to a disabled endpoint again; what was held goes out, safety first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        await _existing(work, endpoint_id)
        audit = _event(now, actor, "endpoint.enabled", endpoint_id)
        await endpoints.enable(work, endpoint_id, audit=audit)
        for delivery_id, safety in await deliveries.release_held(work, endpoint_id, now=now, audit=audit):
            queue_delivery(work, delivery_id, safety=safety)
        endpoint = await _existing(work, endpoint_id)
        await work.commit()
    return _view(equipment.vault, clinic_id, endpoint)


async def rotate_secret(
    equipment: Equipment, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor
) -> NewEndpoint:
    """Sign with a new secret, shown this once; for 24 hours with the one before too.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now, secret, vault = equipment.clock.now(), new_secret(), equipment.vault
    async with equipment.database.work(clinic_id) as work:
        endpoint = await endpoints.find(work, endpoint_id, lock=True)
        if endpoint is None:
            raise NotFoundError
        before, *_ = open_secrets(vault, clinic_id, endpoint, now=now)
        await endpoints.change_secret(
            work,
            endpoint_id,
            secret_sealed=seal_secret(vault, clinic_id, endpoint_id, secret),
            previous_secret_sealed=seal_secret(vault, clinic_id, endpoint_id, before, previous=True),
            previous_secret_until=now + _BOTH_SIGN_FOR,
            audit=_event(now, actor, "endpoint.secret_rotated", endpoint_id),
        )
        await work.commit()
    return NewEndpoint(endpoint=_view(vault, clinic_id, endpoint), secret=secret)


async def list_deliveries(
    equipment: Equipment, clinic_id: UUID, endpoint_id: UUID, *, before: UUID | None, limit: int
) -> list[tuple[deliveries.Delivery, list[deliveries.Attempt]]]:
    """List an endpoint's deliveries with their attempts, newest first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    async with equipment.database.work(clinic_id) as work:
        await _existing(work, endpoint_id)
        return await deliveries.page(work, endpoint_id, before=before, limit=limit)


async def resend(
    equipment: Equipment, clinic_id: UUID, delivery_id: UUID, *, actor: Actor
) -> deliveries.Delivery:
    """Send a delivery again from the start of its schedule, with the same ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such delivery.
        EndpointDisabledError: its endpoint is disabled.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        delivery = await deliveries.lock(work, delivery_id)
        if delivery is None:
            raise NotFoundError
        if (await _existing(work, delivery.endpoint_id)).state != "enabled":
            raise EndpointDisabledError
        audit = AuditEvent(
            at=now, actor=actor, action="delivery.resent", subject_kind="delivery", subject_id=delivery_id
        )
        await deliveries.begin_again(work, delivery_id, now=now, audit=audit)
        queue_delivery(work, delivery_id, safety=delivery.urgency == "safety")
        again = await deliveries.lock(work, delivery_id)
        await work.commit()
    return again or delivery


async def _existing(work: UnitOfWork, endpoint_id: UUID) -> Endpoint:
    endpoint = await endpoints.find(work, endpoint_id)
    if endpoint is None:
        raise NotFoundError
    return endpoint


def _view(vault: Vault, clinic_id: UUID, endpoint: Endpoint) -> EndpointView:
    return EndpointView(
        id=endpoint.id,
        url=open_url(vault, clinic_id, endpoint),
        events=endpoint.events,
        state=endpoint.state,
        disabled_because=endpoint.disabled_because,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
    )


def _event(now: datetime, actor: Actor, action: str, endpoint_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=actor, action=action, subject_kind="endpoint", subject_id=endpoint_id)
