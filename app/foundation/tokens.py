"""Opaque bearer tokens that carry their clinic's id, so that the tenant is set before the look-up."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.foundation.errors import RefusalError, RefusalKind


class TokenKind(StrEnum):
    """What a token opens. The value is the prefix that people and secret scanners see."""

    DEVICE_ACCESS = "agd"
    DEVICE_REFRESH = "agr"
    API_KEY = "agk"
    # What a browser's cookie holds, and what a sign-in link ends in.
    BROWSER = "agb"
    SIGN_IN_LINK = "agl"
    # A member of the staff, signed in, and the link that invites one.
    STAFF_SESSION = "ags"
    STAFF_INVITATION = "agi"
    # The link of a test message: whoever presses it can be reached.
    CONTACT_TEST = "agt"
    # What a program was given for its signed assertion; it reads and writes under /fhir alone.
    BACKEND_ACCESS = "agf"


class TokenNotValidError(RefusalError):
    """The bearer token is missing, unknown, expired or revoked."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "token-not-valid"


@dataclass(frozen=True, slots=True)
class TokenReference:
    """What a presented token says of itself: its kind, its clinic, and the digest to look it up by."""

    kind: TokenKind
    clinic_id: UUID
    digest: bytes


def new_token(kind: TokenKind, clinic_id: UUID) -> tuple[str, TokenReference]:
    """Make a token of 256 random bits: the text is shown once, only its SHA-256 is kept."""
    text = f"{kind}_{clinic_id.hex}_{secrets.token_urlsafe(32)}"
    return text, TokenReference(kind, clinic_id, _digest(text))


def read_token(text: str, *kinds: TokenKind) -> TokenReference:
    """Take a presented token apart, without saying yet whether it is any good.

    Raises:
        TokenNotValidError: it is not of one of these kinds, or not a token at all.
    """
    prefix, _, rest = text.partition("_")
    clinic, _, secret = rest.partition("_")
    try:
        reference = TokenReference(TokenKind(prefix), UUID(hex=clinic), _digest(text))
    except ValueError:
        raise TokenNotValidError from None
    if reference.kind not in kinds or not secret:
        raise TokenNotValidError
    return reference


def _digest(text: str) -> bytes:
    # A plain hash is enough: the secret has 256 bits, nobody searches those.
    return hashlib.sha256(text.encode()).digest()


def base64url(content: bytes) -> str:
    """Write bytes so that they can stand in an address, a cookie or a header (RFC 4648, without padding)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Read them back, with padding or without.

    Raises:
        ValueError: it is no such text.
    """
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars="-_", validate=True)
