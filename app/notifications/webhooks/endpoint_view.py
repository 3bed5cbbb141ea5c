"""An endpoint as its people see it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.context import Work
from app.foundation.errors import NotFoundError
from app.notifications.webhooks.endpoint_secrets import open_url
from app.storage import endpoints
from app.storage.endpoints import Endpoint
from app.storage.engine.unit_of_work import UnitOfWork


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
    # Until then the secret before signs too.
    previous_secret_until: datetime | None
    version: int


async def existing(work: UnitOfWork, endpoint_id: UUID, *, lock: bool = False) -> Endpoint:
    """Find an endpoint, locked for a change if so wished.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    endpoint = await endpoints.find(work, endpoint_id, lock=lock)
    if endpoint is None:
        raise NotFoundError
    return endpoint


def view_of(work: Work, endpoint: Endpoint) -> EndpointView:
    """Open what is sealed of it, but for the secrets."""
    until = endpoint.previous_secret_until
    return EndpointView(
        id=endpoint.id,
        url=open_url(work.vault, work.clinic_id, endpoint),
        events=None if endpoint.events is None else tuple(endpoint.events),
        state=endpoint.state,
        disabled_because=endpoint.disabled_because,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        previous_secret_until=until if until is not None and work.now < until else None,
        version=endpoint.version,
    )
