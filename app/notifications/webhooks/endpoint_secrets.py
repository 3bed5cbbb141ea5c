"""Sealing and opening an endpoint's address and signing secret."""

from datetime import datetime
from uuid import UUID

from app.foundation.vault import Vault
from app.storage.endpoints import Endpoint

_TABLE = "webhook_endpoints"


def seal_url(vault: Vault, clinic_id: UUID, endpoint_id: UUID, url: str) -> bytes:
    """Seal an address: its path may be a secret of the receiver's."""
    return vault.seal(url, table=_TABLE, column="url_sealed", clinic_id=clinic_id, row_id=endpoint_id)


def open_url(vault: Vault, clinic_id: UUID, endpoint: Endpoint) -> str:
    """Open an endpoint's address."""
    return vault.open(
        endpoint.url_sealed, table=_TABLE, column="url_sealed", clinic_id=clinic_id, row_id=endpoint.id
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
