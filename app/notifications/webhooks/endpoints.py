"""An endpoint as its people see it, with its address checked and its secret sealed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.context import Work
from app.foundation.errors import NotFoundError
from app.foundation.vault import Vault
from app.notifications.transport.addresses import AllowedNetworks, parse_endpoint_url, resolve_and_check
from app.storage import clinics, endpoints
from app.storage.endpoints import Endpoint
from app.storage.engine.unit_of_work import UnitOfWork

_TABLE = "webhook_endpoints"


def seal_url(work: Work, endpoint_id: UUID, url: str) -> bytes:
    """Seal an address: its path may be a secret of the receiver's."""
    return work.vault.seal(
        url, table=_TABLE, column="url_sealed", clinic_id=work.clinic_id, row_id=endpoint_id
    )


def open_url(work: Work, endpoint: Endpoint) -> str:
    """Open an endpoint's address."""
    return work.vault.open(
        endpoint.url_sealed, table=_TABLE, column="url_sealed", clinic_id=work.clinic_id, row_id=endpoint.id
    )


def seal_secret(
    vault: Vault, clinic_id: UUID, endpoint_id: UUID, secret: str, *, previous: bool = False
) -> bytes:
    """Seal a signing secret, the present one or the one before."""
    column = "previous_secret_sealed" if previous else "secret_sealed"
    return vault.seal(secret, table=_TABLE, column=column, clinic_id=clinic_id, row_id=endpoint_id)


def open_secrets(vault: Vault, clinic_id: UUID, endpoint: Endpoint, *, now: datetime) -> tuple[str, ...]:
    """Open the secrets that an endpoint's events are signed with: the present one, then the one before."""
    kept = {"secret_sealed": endpoint.secret_sealed}
    until = endpoint.previous_secret_until
    if endpoint.previous_secret_sealed is not None and until is not None and now < until:
        kept["previous_secret_sealed"] = endpoint.previous_secret_sealed
    return tuple(
        vault.open(sealed, table=_TABLE, column=column, clinic_id=clinic_id, row_id=endpoint.id)
        for column, sealed in kept.items()
    )


class Format(StrEnum):
    """As what an endpoint's events are written."""

    STANDARD = "standard"
    # The notification of a FHIR R4 Subscription, with ids only.
    FHIR = "fhir"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """An endpoint as its people see it: never its secret."""

    id: UUID
    url: str
    events: tuple[str, ...] | None
    care_team: UUID | None
    state: str
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime
    # Until then the secret before signs too.
    previous_secret_until: datetime | None
    version: int
    format: Format
    # How many events it has had, where these are counted.
    numbered: int


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
        url=open_url(work, endpoint),
        events=None if endpoint.events is None else tuple(endpoint.events),
        care_team=endpoint.care_team,
        state=endpoint.state,
        disabled_because=endpoint.disabled_because,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        previous_secret_until=until if until is not None and work.real_now < until else None,
        version=endpoint.version,
        format=Format(endpoint.format),
        numbered=endpoint.numbered,
    )


async def checked_address(work: Work, url: str) -> str:
    """Give the address in its one spelling. No transaction stays open while its name is looked up.

    Raises:
        EndpointAddressRefusedError: it is not public HTTPS. In test mode, http is allowed into networks
            that the operator listed.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    await work.start_over()
    allowed = AllowedNetworks.parse(work.context.webhook_allow)
    parsed = parse_endpoint_url(url, allowed=allowed, http_allowed=profile.mode == "test")
    await resolve_and_check(parsed.host, parsed.port, allowed, only_allowed=parsed.needs_allowed_network)
    return str(parsed)
