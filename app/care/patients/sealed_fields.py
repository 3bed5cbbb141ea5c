"""What of a patient is sealed by the patient's own key, which is erased with them: e-mail and chart number.

The e-mail is kept only to send sign-in links and reminders to, and nothing clinical is sent. The chart number is the
clinic's own: sealed as it was typed, and found by keyed hashes of it.
"""

from typing import Final
from uuid import UUID

from app.foundation.text import chart_number_key
from app.foundation.vault import PatientVault, Vault
from app.storage.patients import IndexedChartNumber, PatientRecord

_EMAIL_CELL: Final = {"table": "patients", "column": "email_sealed"}
_CHART_NUMBER_CELL: Final = {"table": "patients", "column": "external_ref_sealed"}


def vault_of(vault: Vault, clinic_id: UUID, patient: PatientRecord) -> PatientVault:
    """Give what seals and opens the cells about this patient."""
    return vault.of_patient(patient.wrapped_key, clinic_id=clinic_id, patient_id=patient.id)


def seal_email(vault: PatientVault, patient_id: UUID, email: str | None) -> bytes | None:
    """Seal an address for its patient's row; none stays none."""
    return None if email is None else vault.seal(email, row_id=patient_id, **_EMAIL_CELL)


def email_of(vault: Vault, clinic_id: UUID, patient: PatientRecord) -> str | None:
    """Open a patient's address, where one is known."""
    if patient.email_sealed is None:
        return None
    return vault_of(vault, clinic_id, patient).open(patient.email_sealed, row_id=patient.id, **_EMAIL_CELL)


def seal_chart_number(own: PatientVault, patient_id: UUID, number: str) -> bytes:
    """Seal a patient's chart number."""
    return own.seal(number, row_id=patient_id, **_CHART_NUMBER_CELL)


def open_chart_number(own: PatientVault, patient_id: UUID, sealed: bytes) -> str:
    """Open a patient's chart number."""
    return own.open(sealed, row_id=patient_id, **_CHART_NUMBER_CELL)


def chart_number_index(vault: Vault, clinic_id: UUID, number: str) -> IndexedChartNumber:
    """Give what a chart number is found by, however it is typed."""
    return IndexedChartNumber(
        exactly=vault.blind_index(number, purpose="external_ref", clinic_id=clinic_id),
        key=_key(vault, clinic_id, number),
    )


def _key(vault: Vault, clinic_id: UUID, number: str) -> bytes:
    return vault.blind_index(chart_number_key(number), purpose="external_ref_key", clinic_id=clinic_id)
