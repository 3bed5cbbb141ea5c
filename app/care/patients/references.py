"""The clinic's own references of several patients, and back: for lists that hold ids."""

from collections.abc import Iterable
from uuid import UUID

from app.care.patients.service import Patient, index_of, patient_of
from app.context import Work
from app.storage import patients


async def references_of(work: Work, patient_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the references of these patients; of an erased one there is none.

    It records no access: the caller has recorded what it read, and this only names whom that was about.
    """
    wanted = list(set(patient_ids))
    if not wanted:
        return {}
    found = await patients.find_many(work, wanted)
    return {one.id: patient_of(work.vault, work.clinic_id, one).external_ref for one in found.values()}


async def id_of_reference(work: Work, reference: str) -> UUID | None:
    """Find the patient with this reference."""
    index = index_of(work.vault, work.clinic_id, reference)
    return await patients.find_by_reference(work, index)


async def find_patient(work: Work, external_ref: str) -> Patient | None:
    """Find the patient with exactly this reference; None when the clinic has none."""
    index = index_of(work.vault, work.clinic_id, external_ref)
    patient_id = await patients.find_by_reference(work, index)
    record = None if patient_id is None else await patients.find(work, patient_id)
    work.record_access("patients", patient_id=patient_id)
    return None if record is None else patient_of(work.vault, work.clinic_id, record)
