"""Finding a patient by the clinic's own reference, which is sealed: exactly, by its blind index."""

from app.care.patients.chart_numbers import index_of
from app.care.patients.service import Patient, patient_of
from app.context import Work
from app.storage import patients


async def find_patient(work: Work, external_ref: str) -> Patient | None:
    """Find the patient with exactly this reference; None when the clinic has none."""
    index = index_of(work.vault, work.clinic_id, external_ref)
    patient_id = await patients.find_by_reference(work, index)
    record = None if patient_id is None else await patients.find(work, patient_id)
    work.record_access("patients", patient_id=patient_id)
    return None if record is None else patient_of(work.vault, work.clinic_id, record)
