"""A patient's e-mail: kept only to send sign-in links and reminders to, sealed, and nothing clinical is sent."""

from typing import Final
from uuid import UUID

from app.care.patients.own_vault import vault_of
from app.foundation.vault import PatientVault, Vault
from app.storage.patients import PatientRecord

_CELL: Final = {"table": "patients", "column": "email_sealed"}


def seal_email(vault: PatientVault, patient_id: UUID, email: str | None) -> bytes | None:
    """Seal an address for its patient's row; none stays none."""
    return None if email is None else vault.seal(email, row_id=patient_id, **_CELL)


def email_of(vault: Vault, clinic_id: UUID, patient: PatientRecord) -> str | None:
    """Open a patient's address, where one is known."""
    if patient.email_sealed is None:
        return None
    return vault_of(vault, clinic_id, patient).open(patient.email_sealed, row_id=patient.id, **_CELL)
