"""A patient who comes with a course: registered together with it, or not at all."""

from uuid import UUID

from app.foundation.audit import Actor
from app.patients.registering import Registration, add_patient
from app.patients.service import Patient
from app.treatment.service import PlannedCourse, add_course
from app.web.equipment import Equipment


async def register_with_course(
    equipment: Equipment, clinic_id: UUID, registration: Registration, planned: PlannedCourse, *, actor: Actor
) -> Patient:
    """Register a patient and enter the course that is planned.

    Raises:
        PatientExistsError: the reference is taken.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        patient = await add_patient(work, equipment, registration, now=now, actor=actor)
        await add_course(work, equipment, patient.id, planned, now=now, actor=actor)
        await work.commit()
    return patient
