"""The patient whom an alert is about, as far as its page names them."""

from dataclasses import dataclass
from uuid import UUID

from app.care.patients.service import open_reference
from app.context import Work
from app.foundation.errors import NotFoundError
from app.storage import patients


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPatient:
    """Whom it is about."""

    id: UUID
    reference: str
    time_zone: str
    mode: str
    withdrawn: bool


async def alert_patient(work: Work, patient_id: UUID) -> AlertPatient:
    """Find whom an alert is about.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await patients.find(work, patient_id)
    if patient is None:
        raise NotFoundError
    own = work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient_id)
    return AlertPatient(
        id=patient_id,
        reference=open_reference(own, patient_id, patient.external_ref_sealed),
        time_zone=patient.time_zone,
        mode=patient.mode,
        withdrawn=patient.consent_withdrawn_at is not None,
    )
