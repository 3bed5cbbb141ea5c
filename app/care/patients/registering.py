"""Registering patients."""

from dataclasses import dataclass

from app.care.patients.chart_numbers import compute_keys, index_of
from app.care.patients.contact import seal_email
from app.care.patients.service import Patient, patient_of, seal_reference
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.zones import canonical_zone
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import clinics, patients
from app.storage.patients import PatientRecord


class PatientExistsError(RefusalError):
    """The clinic has a patient with this reference already."""

    kind = RefusalKind.CONFLICT
    code = "patient-exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A patient to be: the clinic's own reference, never a name, and how to reach them."""

    external_ref: str
    time_zone: str
    locale: str
    email: str | None = None
    country: str | None = None


async def register(work: Work, registration: Registration) -> Patient:
    """Register a patient, in the clinic's present mode.

    Raises:
        PatientExistsError: the reference is taken.
    """
    patient_id = new_id()
    index = index_of(work.vault, work.clinic_id, registration.external_ref)
    # Whoever was registered before chart numbers had keys is found, too.
    await compute_keys(work, work.vault)
    if await patients.find_by_reference(work, index) is not None:
        raise PatientExistsError("#/external_ref")
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    wrapped_key = work.vault.new_patient_key(clinic_id=work.clinic_id, patient_id=patient_id)
    own = work.vault.of_patient(wrapped_key, clinic_id=work.clinic_id, patient_id=patient_id)
    record = PatientRecord(
        id=patient_id,
        external_ref_sealed=seal_reference(own, patient_id, registration.external_ref),
        email_sealed=seal_email(own, patient_id, registration.email),
        wrapped_key=wrapped_key,
        time_zone=registration.time_zone,
        time_zone_canonical=canonical_zone(registration.time_zone),
        locale=registration.locale,
        country=registration.country,
        mode=profile.mode,
        registered_at=work.now,
        version=1,
    )
    if not await patients.add(work, record, external_ref=index):
        raise PatientExistsError("#/external_ref")
    work.audit("patient.registered", "patient", patient_id)
    about = About.patient(patient_id, public_url=work.public_url, mode=record.mode)
    await notify_of_patient(work, EventType.PATIENT_REGISTERED, about, now=work.now)
    return patient_of(work.vault, work.clinic_id, record)
