"""What seals and opens the cells about one patient: the patient's own key, which is erased with them."""

from uuid import UUID

from app.foundation.vault import PatientVault, Vault
from app.storage.patients import PatientRecord


def vault_of(vault: Vault, clinic_id: UUID, patient: PatientRecord) -> PatientVault:
    """Give what seals and opens the cells about this patient."""
    return vault.of_patient(patient.wrapped_key, clinic_id=clinic_id, patient_id=patient.id)
