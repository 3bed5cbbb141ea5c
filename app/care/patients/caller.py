"""A patient's device that is signed in, and what goes with whatever it asks."""

from dataclasses import dataclass
from uuid import UUID

from app.access.clinics.crisis_lines import ClinicHelp, read_lines
from app.access.clinics.queries import open_crisis_phone
from app.care.patients.consent_status import ConsentStatus, consent_status_from
from app.foundation.audit import Actor, ActorKind
from app.foundation.vault import Vault
from app.storage.device_tokens import SignedInPatient


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCaller:
    """A patient's device, signed in."""

    clinic_id: UUID
    patient_id: UUID
    device_id: UUID
    time_zone: str
    locale: str
    mode: str
    consent: ConsentStatus
    country: str | None
    clinic_name: str
    # The name of the clinic's logo in its address; None: it has none.
    clinic_logo: str | None
    # Whether the clinic has archived the patient: this device may read, and reports no more.
    archived: bool
    # What crisis help goes by, on every page.
    clinic: ClinicHelp

    @classmethod
    def of(cls, vault: Vault, clinic_id: UUID, found: SignedInPatient) -> "PatientCaller":
        """Give who calls, as the token's look-up found it."""
        phone = open_crisis_phone(vault, clinic_id, found.crisis_phone_sealed)
        return cls(
            clinic_id=clinic_id,
            patient_id=found.patient_id,
            device_id=found.device_id,
            time_zone=found.time_zone,
            locale=found.locale,
            mode=found.mode,
            consent=consent_status_from(
                version=found.consent_version, withdrawn_at=found.consent_withdrawn_at
            ),
            country=found.country,
            clinic_name=found.clinic_name,
            clinic_logo=found.clinic_logo,
            archived=found.archived_at is not None,
            clinic=ClinicHelp(
                country=found.clinic_country, phone=phone, lines=read_lines(found.crisis_lines)
            ),
        )

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        return Actor(kind=ActorKind.DEVICE, id=self.device_id)
