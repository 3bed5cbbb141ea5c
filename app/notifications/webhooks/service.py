"""Endpoints as the clinic's engineer manages them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.queries import clinic_in
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.transport.signing import new_secret
from app.notifications.webhooks.endpoint_secrets import open_secrets, open_url, seal_secret, seal_url
from app.notifications.webhooks.endpoint_view import EndpointView, existing, view_of
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import notify_endpoint
from app.notifications.webhooks.receiver_addresses import checked_address
from app.storage import endpoints
from app.storage.endpoints import Endpoint
from app.web.etags import ChangedMeanwhileError

# Time for a receiver to learn the new secret: until then, a signature by either is among those sent.
_BOTH_SIGN_FOR: Final = timedelta(hours=24)


class EndpointDisabledError(RefusalError):
    """This endpoint is disabled; enable it first."""

    kind = RefusalKind.CONFLICT
    code = "endpoint-disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What becomes of an endpoint's address and filter; what is not given stays as it is."""

    url: str | None = None
    events: Sequence[EventType] | None = None
    # Whether ``events`` is meant: None as a filter means all events.
    filters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A new endpoint with its signing secret, which is shown this once."""

    endpoint: EndpointView
    secret: str


async def add_endpoint(
    context: AppContext, clinic_id: UUID, *, url: str, events: Sequence[EventType] | None, actor: Actor
) -> NewEndpoint:
    """Add an address to notify.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS; see ``checked_address``.
    """
    address = await checked_address(context, clinic_id, url)
    endpoint_id, secret, now = new_id(), new_secret(), context.clock.now()
    endpoint = Endpoint(
        id=endpoint_id,
        url_sealed=seal_url(context.vault, clinic_id, endpoint_id, address),
        secret_sealed=seal_secret(context.vault, clinic_id, endpoint_id, secret),
        events=_names(events),
        state="enabled",
        disabled_because=None,
        failing_since=None,
        created_at=now,
    )
    async with context.database.work(clinic_id) as work:
        await endpoints.add(work, endpoint, audit=_event(now, actor, "endpoint.added", endpoint_id))
        await work.commit()
    return NewEndpoint(endpoint=view_of(context.vault, clinic_id, endpoint, now=now), secret=secret)


async def list_endpoints(context: AppContext, clinic_id: UUID) -> list[EndpointView]:
    """List the clinic's endpoints, oldest first."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        found = await endpoints.all_of_clinic(work)
    return [view_of(context.vault, clinic_id, endpoint, now=now) for endpoint in found]


async def read_endpoint(context: AppContext, clinic_id: UUID, endpoint_id: UUID) -> EndpointView:
    """Give one endpoint.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        return view_of(context.vault, clinic_id, await existing(work, endpoint_id), now=now)


async def change_endpoint(
    context: AppContext,
    clinic_id: UUID,
    endpoint_id: UUID,
    change: EndpointChange,
    *,
    version: int,
    actor: Actor,
) -> EndpointView:
    """Change address or filter from now on; what is on its way goes to the new address, signed as before.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        ChangedMeanwhileError: the version is not the current one.
        EndpointAddressRefusedError: the new address may not be reached.
    """
    now, vault = context.clock.now(), context.vault
    before = await read_endpoint(context, clinic_id, endpoint_id)
    address = before.url if change.url is None else await checked_address(context, clinic_id, change.url)
    async with context.database.work(clinic_id) as work:
        stored = await existing(work, endpoint_id, lock=True)
        same = address == open_url(vault, clinic_id, stored)
        changed = await endpoints.change(
            work,
            endpoint_id,
            url_sealed=stored.url_sealed if same else seal_url(vault, clinic_id, endpoint_id, address),
            events=_names(change.events) if change.filters else stored.events,
            version=version,
            audit=_event(now, actor, "endpoint.changed", endpoint_id),
        )
        if not changed:
            raise ChangedMeanwhileError("header/if-match")
        endpoint = await existing(work, endpoint_id)
        await work.commit()
    return view_of(vault, clinic_id, endpoint, now=now)


async def send_test(context: AppContext, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor) -> UUID:
    """Send a test event to one endpoint; gives its ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        EndpointDisabledError: it is disabled.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        endpoint = await existing(work, endpoint_id)
        if endpoint.state != "enabled":
            raise EndpointDisabledError
        mode = (await clinic_in(work, context.vault)).mode
        webhook_id = await notify_endpoint(
            work, EventType.ENDPOINT_TEST, endpoint_id, mode=mode, now=now, actor=actor
        )
        await work.commit()
    return webhook_id


async def rotate_secret(
    context: AppContext, clinic_id: UUID, endpoint_id: UUID, *, actor: Actor
) -> NewEndpoint:
    """Sign with a new secret, shown this once; for 24 hours with the one before too.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    now, secret, vault = context.clock.now(), new_secret(), context.vault
    async with context.database.work(clinic_id) as work:
        endpoint = await existing(work, endpoint_id, lock=True)
        before, *_ = open_secrets(vault, clinic_id, endpoint, now=now)
        await endpoints.change_secret(
            work,
            endpoint_id,
            secret_sealed=seal_secret(vault, clinic_id, endpoint_id, secret),
            previous_secret_sealed=seal_secret(vault, clinic_id, endpoint_id, before, previous=True),
            previous_secret_until=now + _BOTH_SIGN_FOR,
            audit=_event(now, actor, "endpoint.secret_rotated", endpoint_id),
        )
        endpoint = await existing(work, endpoint_id)
        await work.commit()
    return NewEndpoint(endpoint=view_of(vault, clinic_id, endpoint, now=now), secret=secret)


def _names(events: Sequence[EventType] | None) -> tuple[str, ...] | None:
    """Give the filter as it is kept, each event once."""
    return None if events is None else tuple(dict.fromkeys(event.value for event in events))


def _event(now: datetime, actor: Actor, action: str, endpoint_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=actor, action=action, subject_kind="endpoint", subject_id=endpoint_id)
