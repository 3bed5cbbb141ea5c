"""A ticket between two forms: someone was right at several clinics and now says which. It spends nothing."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic_core import from_json, to_json

from app.access.staff.signing_in import Proof, SignInRefusedError
from app.foundation.vault import CannotOpenError, Vault

LASTS: Final = timedelta(minutes=2)
_CELL: Final = {"table": "staff_sign_in", "column": "ticket"}
_NOBODY: Final = UUID(int=0)


def write_ticket(vault: Vault, proofs: Sequence[Proof], *, now: datetime) -> str:
    """Seal what was proved for the page's form: only we read it, and only for two minutes."""
    said = {
        "until": (now + LASTS).isoformat(),
        "proofs": [
            {
                "clinic_id": str(one.clinic_id),
                "staff_id": str(one.staff_id),
                "step": one.step,
                "recovery": one.recovery.hex() if one.recovery else None,
                "source": one.source.hex(),
            }
            for one in proofs
        ],
    }
    sealed = vault.seal(to_json(said).decode(), clinic_id=_NOBODY, row_id=_NOBODY, **_CELL)
    return base64.urlsafe_b64encode(sealed).decode()


def read_ticket(vault: Vault, text: str, clinic_id: str, *, now: datetime) -> Proof:
    """Give what was proved at one of the clinics.

    Raises:
        SignInRefusedError: it is no ticket of ours, too old, or names no such clinic.
    """
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
        said = from_json(vault.open(sealed, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL))
    except (CannotOpenError, binascii.Error, ValueError):
        raise SignInRefusedError from None
    chosen = [one for one in said["proofs"] if one["clinic_id"] == clinic_id]
    if not chosen or datetime.fromisoformat(said["until"]) <= now:
        raise SignInRefusedError
    (one,) = chosen
    return Proof(
        clinic_id=UUID(one["clinic_id"]),
        staff_id=UUID(one["staff_id"]),
        step=one["step"],
        recovery=bytes.fromhex(one["recovery"]) if one["recovery"] else None,
        source=bytes.fromhex(one["source"]),
    )
