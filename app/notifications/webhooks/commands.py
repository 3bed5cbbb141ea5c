"""What the clinic's engineer does with endpoints and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.staff.members import refuse_member
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.transport.signing import new_secret
from app.notifications.webhooks import trouble
from app.notifications.webhooks.endpoints import (
    EndpointView,
    Format,
    checked_address,
    existing,
    open_secrets,
    open_url,
    seal_secret,
    seal_url,
    view_of,
)
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import notify_endpoint
from app.notifications.webhooks.trouble import Because
from app.storage import clinics, delivery_log, endpoints
from app.storage.deliveries import Attempt, Delivery
from app.storage.delivery_log import Recovery
from app.storage.endpoints import Endpoint
from app.web.headers import ChangedMeanwhileError

LoggedDelivery = tuple[Delivery, list[Attempt]]
# Time for a receiver to learn the new secret: until then, a signature by either is among those sent.
_BOTH_SIGN_FOR: Final = timedelta(hours=24)


class EndpointDisabledError(RefusalError):
    """This endpoint is disabled; enable it first."""

    kind = RefusalKind.CONFLICT
    code = "endpoint-disabled"


class EndpointExistsError(RefusalError):
    """An endpoint with this address exists already; change that one."""

    kind = RefusalKind.CONFLICT
    code = "endpoint-exists"


class SinceInFutureError(RefusalError):
    """The time from which on to send again must not lie in the future."""

    code = "since-in-future"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What becomes of an endpoint's address and filter; what is not given stays as it is."""

    url: str | None = None
    events: Sequence[EventType] | None = None
    # Whether ``events`` is meant: None as a filter means all events.
    filters: bool = False
    # A member's patients only, and whether that is meant: None is everybody's.
    care_team: UUID | None = None
    narrows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A new endpoint with its signing secret, which is shown this once."""

    endpoint: EndpointView
    secret: str


async def add_endpoint(
    work: Work,
    *,
    url: str,
    events: Sequence[EventType] | None,
    care_team: UUID | None = None,
    written_as: Format = Format.STANDARD,
) -> NewEndpoint:
    """Add an address to notify; one that takes FHIR gets the handshake of its subscription first.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS; see ``checked_address``.
        EndpointExistsError: another endpoint has it; named by its id.
        MemberNotActiveError: nobody who can sign in has the care team's id.
    """
    await refuse_member(work, care_team)
    address = await checked_address(work, url)
    endpoint_id, secret = new_id(), new_secret()
    await _refuse_twice(work, address)
    endpoint = Endpoint(
        id=endpoint_id,
        url_sealed=seal_url(work, endpoint_id, address),
        secret_sealed=seal_secret(work.vault, work.clinic_id, endpoint_id, secret),
        events=_names(events),
        state="enabled",
        disabled_because=None,
        failing_since=None,
        created_at=work.real_now,
        care_team=care_team,
        format=written_as.value,
    )
    await endpoints.add(work, endpoint)
    work.audit("endpoint.added", "endpoint", endpoint_id)
    if written_as is Format.FHIR:
        await send_test(work, endpoint_id)
    return NewEndpoint(endpoint=view_of(work, endpoint), secret=secret)


async def change_endpoint(
    work: Work, endpoint_id: UUID, change: EndpointChange, *, version: int
) -> EndpointView:
    """Change address or filter from now on; what is on its way goes to the new address, signed as before.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        ChangedMeanwhileError: the version is not the current one.
        EndpointAddressRefusedError: the new address may not be reached.
        EndpointExistsError: another endpoint has that address; named by its id.
        MemberNotActiveError: nobody who can sign in has the care team's id.
    """
    await refuse_member(work, change.care_team)
    before = open_url(work, await existing(work, endpoint_id))
    address = before
    if change.url is not None:
        address = await checked_address(work, change.url)
        await _refuse_twice(work, address, besides=endpoint_id)
    stored = await existing(work, endpoint_id, lock=True)
    same = address == open_url(work, stored)
    changed = await endpoints.change(
        work,
        endpoint_id,
        url_sealed=stored.url_sealed if same else seal_url(work, endpoint_id, address),
        events=_names(change.events) if change.filters else stored.events,
        care_team=change.care_team if change.narrows else stored.care_team,
        version=version,
    )
    if not changed:
        raise ChangedMeanwhileError("header/if-match")
    work.audit("endpoint.changed", "endpoint", endpoint_id)
    return view_of(work, await existing(work, endpoint_id))


async def send_test(work: Work, endpoint_id: UUID) -> UUID:
    """Send a test event to one endpoint; gives its ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        EndpointDisabledError: it is disabled.
    """
    endpoint = await existing(work, endpoint_id)
    if endpoint.state != "enabled":
        raise EndpointDisabledError
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    return await notify_endpoint(work, EventType.ENDPOINT_TEST, endpoint_id, mode=profile.mode)


async def rotate_secret(work: Work, endpoint_id: UUID) -> NewEndpoint:
    """Sign with a new secret, shown this once; for 24 hours with the one before too.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    secret, vault = new_secret(), work.vault
    endpoint = await existing(work, endpoint_id, lock=True)
    before, *_ = open_secrets(vault, work.clinic_id, endpoint, now=work.real_now)
    await endpoints.change_secret(
        work,
        endpoint_id,
        secret_sealed=seal_secret(vault, work.clinic_id, endpoint_id, secret),
        previous_secret_sealed=seal_secret(vault, work.clinic_id, endpoint_id, before, previous=True),
        previous_secret_until=work.real_now + _BOTH_SIGN_FOR,
    )
    work.audit("endpoint.secret_rotated", "endpoint", endpoint_id)
    return NewEndpoint(endpoint=view_of(work, await existing(work, endpoint_id)), secret=secret)


async def enable(work: Work, endpoint_id: UUID) -> EndpointView:
    """Send to a disabled endpoint again; what was held goes out, safety first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    await existing(work, endpoint_id, lock=True)
    await endpoints.enable(work, endpoint_id)
    await delivery_log.release_held(work, endpoint_id, now=work.real_now)
    work.audit("endpoint.enabled", "endpoint", endpoint_id)
    work.wake_outbox()
    return view_of(work, await existing(work, endpoint_id))


async def disable(work: Work, endpoint_id: UUID) -> EndpointView:
    """Send nothing more to an endpoint until it is enabled again; what is due to it meanwhile is held.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    if (await existing(work, endpoint_id, lock=True)).state == "enabled":
        work.audit("endpoint.disabled", "endpoint", endpoint_id)
        await trouble.disable(work, endpoint_id, because=Because.BY_HAND)
    return view_of(work, await existing(work, endpoint_id))


async def remove(work: Work, endpoint_id: UUID) -> None:
    """Take an endpoint out of use for good; what was and was not delivered to it stays in the log.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    was = await existing(work, endpoint_id, lock=True)
    work.audit("endpoint.removed", "endpoint", endpoint_id)
    await trouble.remove(work, endpoint_id, was_enabled=was.state == "enabled")


async def resend(work: Work, delivery_id: UUID) -> LoggedDelivery:
    """Send a delivery again from the start of its schedule, with the same ``webhook-id``.

    Raises:
        NotFoundError: the clinic has no such delivery.
        EndpointDisabledError: its endpoint is disabled, or was removed.
    """
    found = await delivery_log.find(work, delivery_id)
    if found is None:
        raise NotFoundError
    endpoint = await endpoints.find(work, found[0].endpoint_id)
    if endpoint is None or endpoint.state != "enabled":
        raise EndpointDisabledError
    await delivery_log.begin_again(work, delivery_id, now=work.real_now)
    work.audit("delivery.resent", "delivery", delivery_id)
    work.wake_outbox()
    again = await delivery_log.find(work, delivery_id)
    if again is None:
        raise NotFoundError
    return again


async def recover(work: Work, endpoint_id: UUID, *, since: datetime, also_delivered: bool) -> int:
    """Send again, each with its ``webhook-id``, what happened since then and did not arrive; gives how many.

    Raises:
        NotFoundError: the clinic has no such endpoint.
        EndpointDisabledError: it is disabled.
        SinceInFutureError: there is no such past.
    """
    if since > work.real_now:
        raise SinceInFutureError("#/since")
    if (await existing(work, endpoint_id, lock=True)).state != "enabled":
        raise EndpointDisabledError
    recovery = Recovery(
        endpoint_id=endpoint_id, since=since, asked_at=work.real_now, also_delivered=also_delivered
    )
    count = await delivery_log.begin_again_since(work, recovery)
    work.audit("endpoint.recovered", "endpoint", endpoint_id)
    work.wake_outbox()
    return count


async def _refuse_twice(work: Work, address: str, *, besides: UUID | None = None) -> None:
    # Two requests at once take turns here.
    await clinics.profile(work, lock=True)
    for other in await endpoints.all_of_clinic(work):
        if other.id != besides and open_url(work, other) == address:
            raise EndpointExistsError("#/url").with_extensions(endpoint_id=str(other.id))


def _names(events: Sequence[EventType] | None) -> list[str] | None:
    """Give the filter as it is kept, each event once."""
    return None if events is None else list(dict.fromkeys(event.value for event in events))
