"""Patients and signals that are not there any more, erased or merged into another: said so, not "unknown"."""

from uuid import UUID

from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import erasures, patient_merges
from app.storage.engine.unit_of_work import UnitOfWork


class PatientErasedError(RefusalError):
    """This patient was erased, as they asked; nothing about them is left to show."""

    kind = RefusalKind.GONE
    code = "patient-erased"


class PatientMergedError(RefusalError):
    """This patient was a duplicate and is merged into another; see merged_into."""

    kind = RefusalKind.GONE
    code = "patient-merged"


async def refuse_merged(work: UnitOfWork, patient_id: UUID) -> None:
    """Refuse to speak of a duplicate as if it were a patient: the other one has all that is known.

    Raises:
        PatientMergedError: the patient is merged into another.
    """
    merged = await patient_merges.holding(work, patient_id)
    if merged is not None:
        raise PatientMergedError().with_extensions(merged_into=str(merged.into_id))


async def no_such_patient(work: UnitOfWork, patient_id: UUID) -> RefusalError:
    """Say why a patient is not found: erased, or never there."""
    erased = await erasures.find(work, patient_id)
    return NotFoundError() if erased is None else PatientErasedError()


async def no_such_signal(work: UnitOfWork, signal_id: UUID) -> RefusalError:
    """Say why a signal is not found: its patient was erased, or it never was."""
    erased = await erasures.of_signal(work, signal_id)
    return NotFoundError() if erased is None else PatientErasedError()
