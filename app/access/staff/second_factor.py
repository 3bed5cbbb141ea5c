"""The second factor: a code from a phone (RFC 6238: 30 seconds, 6 digits, SHA-1), each good once."""

import base64
import binascii
import re
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from pyotp.utils import strings_equal

from app.foundation.errors import RefusalError
from app.foundation.text import read_code
from app.foundation.vault import CannotOpenError, Vault

ISSUER: Final = "Afterglow"
_STEP_SECONDS: Final = 30
# A phone's clock may be off by one step, either way.
_DRIFT: Final = (0, -1, 1)
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_PENDING_CELL: Final = {"table": "staff_members", "column": "totp_pending"}


class CodeWrongError(RefusalError):
    """The six digits are not the ones that the app shows now; wait for the next ones and try again."""

    code = "code-wrong"


class SetUpExpiredError(RefusalError):
    """This page was made for someone else or is out of date; scan the picture that is shown now."""

    code = "set-up-expired"


def new_secret() -> str:
    """Make the secret that phone and server share: 160 bits in base32."""
    return pyotp.random_base32()


def otpauth_link(secret: str, email: str) -> str:
    """Write what an authenticator app reads from the picture; it names no clinic."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def digits_of(code: str) -> str | None:
    """Read six digits as people type them; None when it is something else, such as a recovery code."""
    digits = read_code(code)
    return digits if _CODE.fullmatch(digits) else None


def step_of(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """Say which time step a code belongs to, if it is right and no step since then was used; else None."""
    digits, otp = digits_of(code), pyotp.TOTP(secret)
    if digits is None:
        return None
    current = int(now.timestamp()) // _STEP_SECONDS
    found = None
    for step in (current + drift for drift in _DRIFT):
        # All are looked at, whichever is right: the time it takes says nothing.
        if strings_equal(otp.generate_otp(step), digits) and found is None:
            found = step
    return None if found is None or (after is not None and found <= after) else found


def seal_pending(vault: Vault, secret: str, *, clinic_id: UUID, staff_id: UUID) -> str:
    """Write a secret that is not confirmed yet for the page's form: only we read it, for this member only."""
    sealed = vault.seal(secret, clinic_id=clinic_id, row_id=staff_id, **_PENDING_CELL)
    return base64.urlsafe_b64encode(sealed).decode()


def open_pending(vault: Vault, sealed: str, *, clinic_id: UUID, staff_id: UUID) -> str:
    """Read it back.

    Raises:
        SetUpExpiredError: it was not made for this member.
    """
    try:
        content = base64.urlsafe_b64decode(sealed.encode())
        return vault.open(content, clinic_id=clinic_id, row_id=staff_id, **_PENDING_CELL)
    except (CannotOpenError, binascii.Error, ValueError):
        raise SetUpExpiredError from None
