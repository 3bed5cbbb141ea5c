"""Which of the clinic's patients is meant, whom an EHR names by the id that it has."""

from uuid import UUID

from app.care.patients.queries import existing
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.interop.smart.single_sign_on import Arrived
from app.storage import linked_records


class PatientNotLinkedError(RefusalError):
    """The patient who is open in the EHR is not linked to one here; they are once the EHR was read."""

    kind = RefusalKind.NOT_FOUND
    code = "patient-not-linked"


async def linked_patient(work: Work, system_id: UUID, external_id: str) -> UUID:
    """Give the patient whom this EHR has under this id, in this clinic.

    Raises:
        PatientNotLinkedError: there is none.
        PatientMergedError, PatientErasedError: not any more.
    """
    digest = external_digest(work, external_id)
    link = await linked_records.find(work, system_id, "patient", digest)
    if link is None:
        raise PatientNotLinkedError
    return (await existing(work, link.patient_id)).id


async def patient_in_launch(context: AppContext, arrived: Arrived) -> UUID:
    """Give the patient of a launch.

    Raises:
        PatientNotLinkedError: the EHR's patient is none of this clinic's.
    """
    async with context.work(arrived.signed_in.clinic_id) as work:
        return await linked_patient(work, arrived.system_id, arrived.patient or "")


def external_digest(work: Work, external_id: str) -> bytes:
    """Give what an id of another system is found by."""
    return work.vault.digest(b"external id", work.clinic_id.bytes, external_id.encode())
