"""What is said of a signal in somebody's own words: sealed with the patient's own key."""

from typing import Final
from uuid import UUID

from app.foundation.vault import PatientVault, Vault
from app.storage.signal_steps import SignalStep
from app.storage.signals import Signal

_NOTE_CELL: Final = {"table": "signals", "column": "note_sealed"}
_WORDS_CELL: Final = {"table": "signal_steps", "column": "words_sealed"}


def seal_note(vault: Vault, clinic_id: UUID, signal: Signal, note: str) -> bytes:
    """Seal what a signal is closed with."""
    return _vault_of(vault, clinic_id, signal).seal(note, row_id=signal.id, **_NOTE_CELL)


def open_note(vault: Vault, clinic_id: UUID, signal: Signal) -> str | None:
    """Open the note that a signal was closed with."""
    if signal.note_sealed is None:
        return None
    return _vault_of(vault, clinic_id, signal).open(signal.note_sealed, row_id=signal.id, **_NOTE_CELL)


def seal_words(
    vault: Vault, clinic_id: UUID, signal: Signal, words: str | None, *, step_id: UUID
) -> bytes | None:
    """Seal the reason or note of a step; nothing for nothing."""
    if not words:
        return None
    return _vault_of(vault, clinic_id, signal).seal(words, row_id=step_id, **_WORDS_CELL)


def open_words(vault: Vault, clinic_id: UUID, signal: Signal, step: SignalStep) -> str | None:
    """Open the reason or note of a step."""
    if step.words_sealed is None:
        return None
    return _vault_of(vault, clinic_id, signal).open(step.words_sealed, row_id=step.id, **_WORDS_CELL)


def _vault_of(vault: Vault, clinic_id: UUID, signal: Signal) -> PatientVault:
    return vault.of_patient(signal.wrapped_key, clinic_id=clinic_id, patient_id=signal.patient_id)
