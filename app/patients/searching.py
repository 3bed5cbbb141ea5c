"""Finding a patient by the clinic's own reference, which is sealed: exactly, by its blind index."""

from uuid import UUID

from app.foundation.audit import Actor
from app.patients.service import Patient, patient_of
from app.storage import patients
from app.storage.audit_reads import tell_reading
from app.web.equipment import Equipment


async def find_patient(
    equipment: Equipment, clinic_id: UUID, external_ref: str, *, actor: Actor
) -> Patient | None:
    """Find the patient with exactly this reference; None when the clinic has none."""
    index = equipment.vault.blind_index(external_ref, purpose="external_ref", clinic_id=clinic_id)
    async with equipment.database.work(clinic_id) as work:
        patient_id = await patients.find_by_reference(work, index)
        record = None if patient_id is None else await patients.find(work, patient_id)
        await tell_reading(work, "patients", now=equipment.clock.now(), actor=actor, patient_id=patient_id)
    return None if record is None else patient_of(equipment.vault, clinic_id, record)
