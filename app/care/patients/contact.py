"""A patient's e-mail: kept only to send sign-in links and reminders to, sealed, and nothing clinical is sent."""

import re
from typing import Final
from uuid import UUID

from app.care.patients.own_vault import vault_of
from app.foundation.errors import RefusalError
from app.foundation.vault import PatientVault, Vault
from app.storage.patients import PatientRecord

_CELL: Final = {"table": "patients", "column": "email_sealed"}
# Enough to catch a slip of the fingers, and nothing that could end a header line; the rest the mail server says.
_FORM: Final = re.compile(
    r"[^@\s<>,;:\x00-\x1f\x7f]{1,64}@[^@\s<>,;:\x00-\x1f\x7f]+\.[^@\s<>,;:.\x00-\x1f\x7f]+"
)
LONGEST_EMAIL: Final = 254


class EmailNotUsableError(RefusalError, ValueError):
    """This is not one e-mail address, such as name@example.org."""

    code = "email-not-usable"


def usable_email(text: str) -> str:
    """Give an address without spaces around it.

    Raises:
        EmailNotUsableError: it cannot be one address.
    """
    address = text.strip()
    if len(address) > LONGEST_EMAIL or not _FORM.fullmatch(address):
        raise EmailNotUsableError
    return address


def seal_email(vault: PatientVault, patient_id: UUID, email: str | None) -> bytes | None:
    """Seal an address for its patient's row; none stays none."""
    return None if email is None else vault.seal(email, row_id=patient_id, **_CELL)


def email_of(vault: Vault, clinic_id: UUID, patient: PatientRecord) -> str | None:
    """Open a patient's address, where one is known."""
    if patient.email_sealed is None:
        return None
    return vault_of(vault, clinic_id, patient).open(patient.email_sealed, row_id=patient.id, **_CELL)
