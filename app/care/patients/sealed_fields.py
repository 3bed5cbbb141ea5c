"""What of a patient is sealed by the patient's own key, which is erased with them: e-mail and chart number.

The e-mail is kept only to send sign-in links and reminders to, and nothing clinical is sent. The chart number is the
clinic's own: sealed as it was typed, and found by keyed hashes of it.
"""

from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.text import chart_number_key
from app.foundation.vault import PatientVault
from app.storage.patients import IndexedChartNumber, PatientRecord

_EMAIL_CELL: Final = {"table": "patients", "column": "email_sealed"}
_CHART_NUMBER_CELL: Final = {"table": "patients", "column": "external_ref_sealed"}


def vault_of(work: Work, patient: PatientRecord) -> PatientVault:
    """Give what seals and opens the cells about this patient."""
    return work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient.id)


def seal_email(vault: PatientVault, patient_id: UUID, email: str | None) -> bytes | None:
    """Seal an address for its patient's row; none stays none."""
    return None if email is None else vault.seal(email, row_id=patient_id, **_EMAIL_CELL)


def email_of(work: Work, patient: PatientRecord) -> str | None:
    """Open a patient's address, where one is known."""
    if patient.email_sealed is None:
        return None
    return vault_of(work, patient).open(patient.email_sealed, row_id=patient.id, **_EMAIL_CELL)


def seal_chart_number(own: PatientVault, patient_id: UUID, number: str) -> bytes:
    """Seal a patient's chart number."""
    return own.seal(number, row_id=patient_id, **_CHART_NUMBER_CELL)


def open_chart_number(own: PatientVault, patient_id: UUID, sealed: bytes) -> str:
    """Open a patient's chart number."""
    return own.open(sealed, row_id=patient_id, **_CHART_NUMBER_CELL)


def chart_number_index(work: Work, number: str) -> IndexedChartNumber:
    """Give what a chart number is found by, however it is typed."""
    return IndexedChartNumber(
        exactly=work.vault.blind_index(number, purpose="external_ref", clinic_id=work.clinic_id),
        key=_key(work, number),
    )


def _key(work: Work, number: str) -> bytes:
    return work.vault.blind_index(
        chart_number_key(number), purpose="external_ref_key", clinic_id=work.clinic_id
    )
