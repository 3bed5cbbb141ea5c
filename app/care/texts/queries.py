"""Reading what patients texted."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.care.texts.commands import CELL
from app.context import Work
from app.storage import received_texts
from app.storage.patients import PatientRecord

_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientText:
    """A text message, opened; ``word`` is what it asked of the service."""

    id: UUID
    received_at: datetime
    text: str = field(repr=False)
    word: str | None


async def list_texts(work: Work, patient_id: UUID) -> list[PatientText]:
    """List what a patient texted, the latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    work.record_access("text_messages", patient_id=patient_id)
    return await texts_of(work, patient, limit=_MOST)


async def texts_of(
    work: Work, patient: PatientRecord, *, limit: int, until: datetime | None = None
) -> list[PatientText]:
    """Open the latest of what a patient texted; with ``until`` of what had come by then."""
    own = vault_of(work, patient)
    return [
        PatientText(
            id=one.id,
            received_at=one.received_at,
            text=own.open(one.text_sealed, row_id=one.id, **CELL),
            word=one.word,
        )
        for one in await received_texts.latest_of(work, patient.id, limit=limit, until=until)
    ]
