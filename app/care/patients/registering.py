"""Registering patients."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.care.patients.chart_numbers import compute_keys, index_of
from app.care.patients.contact import seal_email
from app.care.patients.service import Patient, patient_of, seal_reference
from app.context import AppContext
from app.foundation.audit import Actor, patient_event
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.zones import canonical_zone
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import clinics, patients
from app.storage.engine.unit_of_work import UnitOfWork
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


async def register(
    context: AppContext, clinic_id: UUID, registration: Registration, *, actor: Actor
) -> Patient:
    """Register a patient, in the clinic's present mode.

    Raises:
        PatientExistsError: the reference is taken.
    """
    async with context.database.work(clinic_id) as work:
        patient = await add_patient(work, context, registration, now=context.clock.now(), actor=actor)
        await work.commit()
    return patient


async def add_patient(
    work: UnitOfWork, context: AppContext, registration: Registration, *, now: datetime, actor: Actor
) -> Patient:
    """Register a patient, within a transaction.

    Raises:
        PatientExistsError: the reference is taken.
    """
    patient_id, vault, clinic_id = new_id(), context.vault, work.clinic_id
    index = index_of(vault, clinic_id, registration.external_ref)
    # Whoever was registered before chart numbers had keys is found, too.
    await compute_keys(work, vault)
    if await patients.find_by_reference(work, index) is not None:
        raise PatientExistsError("#/external_ref")
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    wrapped_key = vault.new_patient_key(clinic_id=clinic_id, patient_id=patient_id)
    own = vault.of_patient(wrapped_key, clinic_id=clinic_id, patient_id=patient_id)
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
        registered_at=now,
        version=1,
    )
    audit = patient_event(now, actor, "patient.registered", patient_id)
    if not await patients.add(work, record, external_ref=index, audit=audit):
        raise PatientExistsError("#/external_ref")
    about = About.patient(patient_id, public_url=context.public_url, mode=record.mode)
    await notify_of_patient(work, EventType.PATIENT_REGISTERED, about, now=now)
    return patient_of(vault, clinic_id, record)
