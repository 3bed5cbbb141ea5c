"""Sealing and opening an endpoint's address and signing secret."""

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


def seal_secret(vault: Vault, clinic_id: UUID, endpoint_id: UUID, secret: str) -> bytes:
    """Seal a signing secret."""
    return vault.seal(secret, table=_TABLE, column="secret_sealed", clinic_id=clinic_id, row_id=endpoint_id)


def open_secret(vault: Vault, clinic_id: UUID, endpoint: Endpoint) -> str:
    """Open an endpoint's signing secret."""
    return vault.open(
        endpoint.secret_sealed, table=_TABLE, column="secret_sealed", clinic_id=clinic_id, row_id=endpoint.id
    )
