"""Where a channel of the care team leads: its address is sealed, and shown only masked."""

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.foundation.vault import Vault
from app.storage import notice_channels
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notice_channels import NoticeChannel

_TABLE: Final = "notice_channels"
_HIDDEN: Final = "…"


def seal_address(vault: Vault, clinic_id: UUID, channel_id: UUID, address: str) -> bytes:
    """Seal an address: whoever has a chat's may write there in the clinic's name."""
    return vault.seal(address, table=_TABLE, column="address_sealed", clinic_id=clinic_id, row_id=channel_id)


def masked_address(vault: Vault, clinic_id: UUID, channel: NoticeChannel) -> str:
    """Give just enough to show which one it is: a chat's host, or a mail address's first letter and domain."""
    address = _open(vault, clinic_id, channel)
    if "://" in address:
        return f"{urlsplit(address).scheme}://{urlsplit(address).hostname}/{_HIDDEN}"
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}{_HIDDEN}@{domain}"


async def notice_address(work: UnitOfWork, vault: Vault, channel_id: UUID) -> str | None:
    """Find where a channel leads; None when it has ended or was taken away."""
    found = await notice_channels.find(work, channel_id)
    return _open(vault, work.clinic_id, found) if found and found.state == "enabled" else None


def _open(vault: Vault, clinic_id: UUID, channel: NoticeChannel) -> str:
    return vault.open(
        channel.address_sealed, table=_TABLE, column="address_sealed", clinic_id=clinic_id, row_id=channel.id
    )
