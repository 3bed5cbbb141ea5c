"""The clinic's own number of a patient: sealed as it was typed, and found by keyed hashes of it."""

from typing import Final
from uuid import UUID

from app.foundation.text import chart_number_key
from app.foundation.vault import PatientVault, Vault
from app.storage.patients import IndexedChartNumber

_CELL: Final = {"table": "patients", "column": "external_ref_sealed"}


def seal_chart_number(own: PatientVault, patient_id: UUID, number: str) -> bytes:
    """Seal a patient's chart number."""
    return own.seal(number, row_id=patient_id, **_CELL)


def open_chart_number(own: PatientVault, patient_id: UUID, sealed: bytes) -> str:
    """Open a patient's chart number."""
    return own.open(sealed, row_id=patient_id, **_CELL)


def index_of(vault: Vault, clinic_id: UUID, number: str) -> IndexedChartNumber:
    """Give what a chart number is found by, however it is typed."""
    return IndexedChartNumber(
        exactly=vault.blind_index(number, purpose="external_ref", clinic_id=clinic_id),
        key=_key(vault, clinic_id, number),
    )


def _key(vault: Vault, clinic_id: UUID, number: str) -> bytes:
    return vault.blind_index(chart_number_key(number), purpose="external_ref_key", clinic_id=clinic_id)
