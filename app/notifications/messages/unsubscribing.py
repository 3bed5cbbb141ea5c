"""The address behind a mail's own "unsubscribe" button (RFC 8058): good for one patient's reminders by mail.

It names the patient by id, and is signed; it says nothing else of them, and outlives the row of the mail.
"""

import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import Vault

_PURPOSE: Final = b"unsubscribe patient"
# Mails of before name the message that they are, which leads to the patient as long as it is kept.
_BY_MESSAGE: Final = b"unsubscribe"
_PROOF_BYTES: Final = 16
_ID_BYTES: Final = 16


class UnsubscribeLinkNotValidError(RefusalError):
    """This link is not one that came with a mail of ours."""

    kind = RefusalKind.NOT_FOUND
    code = "unsubscribe-link-not-valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeLink:
    """Whose reminders in which clinic a link ends: the patient's, or those of the patient a message went to."""

    clinic_id: UUID
    patient_id: UUID | None = None
    message_id: UUID | None = None


def write_link(vault: Vault, public_url: str, *, clinic_id: UUID, patient_id: UUID) -> str:
    """Make the address that goes into a mail's header."""
    ids = clinic_id.bytes + patient_id.bytes
    token = base64url(ids + _proof(vault, _PURPOSE, ids))
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
    clinic_id, named = ids[:_ID_BYTES], ids[_ID_BYTES:]
    if len(named) == _ID_BYTES and hmac.compare_digest(proof, _proof(vault, _PURPOSE, ids)):
        return UnsubscribeLink(clinic_id=UUID(bytes=clinic_id), patient_id=UUID(bytes=named))
    if len(named) == _ID_BYTES and hmac.compare_digest(proof, _proof(vault, _BY_MESSAGE, ids)):
        return UnsubscribeLink(clinic_id=UUID(bytes=clinic_id), message_id=UUID(bytes=named))
    raise UnsubscribeLinkNotValidError


def _proof(vault: Vault, purpose: bytes, ids: bytes) -> bytes:
    return vault.digest(purpose, ids)[:_PROOF_BYTES]
