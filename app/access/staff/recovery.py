"""Recovery codes: ten on a sheet of paper, for the day on which the phone is lost. Each opens once."""

import base64
import secrets
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.text import read_code
from app.foundation.vault import Vault
from app.storage import recovery_codes

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
    await recovery_codes.replace_all(
        work, staff_id, [digest_of(work.vault, staff_id, code) for code in codes]
    )
    actor = Actor(kind=ActorKind.STAFF, id=staff_id)
    work.audit("staff.recovery_codes_made", "staff", staff_id, actor=actor)
    return codes
