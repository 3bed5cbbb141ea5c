"""Who speaks for a patient: a phone by its access token, or a browser by its cookie."""

from dataclasses import dataclass
from uuid import UUID

from app.care.patients.consent_standing import ConsentStanding
from app.foundation.audit import Actor, ActorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCaller:
    """A patient's device, signed in."""

    clinic_id: UUID
    patient_id: UUID
    device_id: UUID
    time_zone: str
    locale: str
    mode: str
    consent: ConsentStanding
    # The clinic's own number, which stands on every page; sealed until it is shown.
    crisis_phone_sealed: bytes | None = None

    @property
    def actor(self) -> Actor:
        """Who the audit trail says it was."""
        return Actor(kind=ActorKind.DEVICE, id=self.device_id)
