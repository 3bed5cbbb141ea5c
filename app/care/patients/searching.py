"""Finding a patient by the clinic's own reference, which is sealed: exactly, by its blind index."""

from uuid import UUID

from app.care.patients.chart_numbers import index_of
from app.care.patients.service import Patient, patient_of
from app.context import AppContext
from app.foundation.audit import Actor
from app.storage import patients
from app.storage.access_records import record_access


async def find_patient(
    context: AppContext, clinic_id: UUID, external_ref: str, *, actor: Actor
) -> Patient | None:
    """Find the patient with exactly this reference; None when the clinic has none."""
    index = index_of(context.vault, clinic_id, external_ref)
    async with context.database.work(clinic_id) as work:
        patient_id = await patients.find_by_reference(work, index)
        record = None if patient_id is None else await patients.find(work, patient_id)
        await record_access(work, "patients", now=context.clock.now(), actor=actor, patient_id=patient_id)
    return None if record is None else patient_of(context.vault, clinic_id, record)
