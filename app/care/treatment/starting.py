"""A patient who comes with a course: registered together with it, or not at all."""

from uuid import UUID

from app.care.patients.registering import Registration, add_patient
from app.care.patients.service import Patient
from app.care.treatment.service import PlannedCourse, add_course
from app.context import AppContext
from app.foundation.audit import Actor


async def register_with_course(
    context: AppContext, clinic_id: UUID, registration: Registration, planned: PlannedCourse, *, actor: Actor
) -> Patient:
    """Register a patient and enter the course that is planned.

    Raises:
        PatientExistsError: the reference is taken.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        patient = await add_patient(work, context, registration, now=now, actor=actor)
        await add_course(work, context, patient.id, planned, now=now, actor=actor)
        await work.commit()
    return patient
