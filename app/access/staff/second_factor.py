"""The second factor: a code from a phone, each good once (RFC 6238); a recovery code for when the phone is lost."""

import base64
import binascii
import re
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from pyotp.utils import strings_equal

from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError
from app.foundation.text import read_code
from app.foundation.vault import CannotOpenError, Vault
from app.storage import staff_sign_ins

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


HOW_MANY: Final = 10
_BYTES: Final = 10
_GROUP: Final = 4
# Base32 has no 0 and no 1: whoever writes one means the letter.
_READ_AS: Final = str.maketrans({"0": "O", "1": "I"})


def new_codes() -> tuple[str, ...]:
    """Make ten codes of 80 random bits, as they are read from paper: KQ2M-7ZPA-X4TB-R6WN."""
    made = (base64.b32encode(secrets.token_bytes(_BYTES)).decode() for _ in range(HOW_MANY))
    return tuple("-".join(one[at : at + _GROUP] for at in range(0, len(one), _GROUP)) for one in made)


def digest_of(vault: Vault, staff_id: UUID, code: str) -> bytes:
    """Give what a code is known by, however it is typed: one member's is no other's."""
    letters = read_code(code).translate(_READ_AS)
    return vault.digest(b"recovery code", staff_id.bytes, letters.encode())


async def give_new(work: Work, staff_id: UUID) -> tuple[str, ...]:
    """Keep ten new codes of a member, who takes part in this, instead of those before; shown this once."""
    codes = new_codes()
    await staff_sign_ins.replace_all(
        work, staff_id, [digest_of(work.vault, staff_id, code) for code in codes]
    )
    actor = Actor(kind=ActorKind.STAFF, id=staff_id)
    work.audit("staff.recovery_codes_made", "staff", staff_id, actor=actor)
    return codes
