"""Patients and signals that are not there any more because the patient was erased: said so, not "unknown"."""

from uuid import UUID

from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import erasures
from app.storage.engine.unit_of_work import UnitOfWork


class PatientErasedError(RefusalError):
    """This patient was erased, as they asked; nothing about them is left to show."""

    kind = RefusalKind.GONE
    code = "patient-erased"


async def no_such_patient(work: UnitOfWork, patient_id: UUID) -> RefusalError:
    """Say why a patient is not found: erased, or never there."""
    erased = await erasures.find(work, patient_id)
    return NotFoundError() if erased is None else PatientErasedError()


async def no_such_signal(work: UnitOfWork, signal_id: UUID) -> RefusalError:
    """Say why a signal is not found: its patient was erased, or it never was."""
    erased = await erasures.of_signal(work, signal_id)
    return NotFoundError() if erased is None else PatientErasedError()
