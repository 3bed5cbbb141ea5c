"""Reading the nights that a patient's phone measured."""

from datetime import date
from uuid import UUID

from app.care.patients.queries import existing
from app.context import Work
from app.storage import sleep_nights
from app.storage.sleep_nights import SleepNight


async def list_nights(
    work: Work, patient_id: UUID, *, before: tuple[date, UUID] | None, limit: int
) -> list[SleepNight]:
    """List the nights that count, the latest first; those of two sources stand beside each other.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    work.record_access("sleep_nights", patient_id=patient_id)
    return await sleep_nights.shown(work, patient_id, before=before, limit=limit)
