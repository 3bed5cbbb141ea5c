"""The address behind a mail's own "unsubscribe" button (RFC 8058): good for one patient's reminders by mail.

It names the message it came with, which leads to the patient, and is signed; nothing in it says who that is.
"""

import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import Vault

_PURPOSE: Final = b"unsubscribe"
_PROOF_BYTES: Final = 16
_ID_BYTES: Final = 16


class UnsubscribeLinkNotValidError(RefusalError):
    """This link is not one that came with a mail of ours."""

    kind = RefusalKind.NOT_FOUND
    code = "unsubscribe-link-not-valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeLink:
    """Which message of which clinic a link came with."""

    clinic_id: UUID
    message_id: UUID


def write_link(vault: Vault, public_url: str, link: UnsubscribeLink) -> str:
    """Make the address that goes into a mail's header."""
    ids = link.clinic_id.bytes + link.message_id.bytes
    token = base64url(ids + _proof(vault, ids))
    return f"{public_url}/v1/unsubscribe/{token}"


def read_link(vault: Vault, token: str) -> UnsubscribeLink:
    """Read what follows the last slash.

    Raises:
        UnsubscribeLinkNotValidError: we did not write it.
    """
    try:
        raw = from_base64url(token)
    except ValueError:
        raise UnsubscribeLinkNotValidError from None
    ids, proof = raw[: 2 * _ID_BYTES], raw[2 * _ID_BYTES :]
    if len(ids) != 2 * _ID_BYTES or not hmac.compare_digest(proof, _proof(vault, ids)):
        raise UnsubscribeLinkNotValidError
    return UnsubscribeLink(clinic_id=UUID(bytes=ids[:_ID_BYTES]), message_id=UUID(bytes=ids[_ID_BYTES:]))


def _proof(vault: Vault, ids: bytes) -> bytes:
    return vault.digest(_PURPOSE, ids)[:_PROOF_BYTES]
