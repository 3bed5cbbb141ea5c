"""The note that a signal is closed with: sealed with the patient's own key."""

from typing import Final
from uuid import UUID

from app.foundation.vault import PatientVault, Vault
from app.storage.signals import Signal

_NOTE_CELL: Final = {"table": "signals", "column": "note_sealed"}


def seal_note(vault: Vault, clinic_id: UUID, signal: Signal, note: str) -> bytes:
    """Seal what a signal is closed with."""
    return _vault_of(vault, clinic_id, signal).seal(note, row_id=signal.id, **_NOTE_CELL)


def open_note(vault: Vault, clinic_id: UUID, signal: Signal) -> str | None:
    """Open the note that a signal was closed with."""
    if signal.note_sealed is None:
        return None
    return _vault_of(vault, clinic_id, signal).open(signal.note_sealed, row_id=signal.id, **_NOTE_CELL)


def _vault_of(vault: Vault, clinic_id: UUID, signal: Signal) -> PatientVault:
    return vault.of_patient(signal.wrapped_key, clinic_id=clinic_id, patient_id=signal.patient_id)
