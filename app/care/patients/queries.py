"""Reading what is known of patients."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.clinics.erased import no_such_patient, refuse_merged
from app.care.patients.consent_status import ConsentStatus, consent_status_from
from app.care.patients.reminder_choices import ReminderChoices, choices_of, plan_of
from app.care.patients.sealed_fields import chart_number_index, email_of, open_chart_number, vault_of
from app.context import Work
from app.storage import patient_states, patients
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """Since when, and why, nobody here reads a patient's reports any more."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient as the clinic sees them: no name, only the chart number, perhaps an address."""

    id: UUID
    external_ref: str
    email: str | None
    time_zone: str
    # The zone's name of today.
    time_zone_canonical: str
    locale: str
    country: str | None
    mode: str
    registered_at: datetime
    version: int
    archived: Archived | None
    consent: ConsentStatus
    # The rule's answer when it was last asked.
    level: str


async def read_patient(work: Work, patient_id: UUID) -> Patient:
    """Give one patient of this clinic.

    Raises:
        NotFoundError: there is none.
    """
    record = await existing(work, patient_id)
    work.record_access("patient", patient_id=patient_id)
    return patient_of(work, record)


async def list_patients(work: Work, *, after: UUID | None, limit: int) -> list[Patient]:
    """List patients in the order of their registration."""
    records = await patients.page(work, after=after, limit=limit)
    work.record_access("patients", patient_id=None)
    return [patient_of(work, record) for record in records]


async def reminders_of(work: Work, patient_id: UUID) -> ReminderChoices:
    """Give how a patient wants to be asked.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    plan = await plan_of(work, patient_id)
    return choices_of(vault_of(work, patient), plan)


async def existing(work: UnitOfWork, patient_id: UUID) -> PatientRecord:
    """Find a patient of this clinic.

    Raises:
        NotFoundError: there is none.
        PatientErasedError: there is none any more.
        PatientMergedError: it was a duplicate of another.
    """
    record = await existing_even_merged(work, patient_id)
    if record.archived_at is not None:
        await refuse_merged(work, patient_id)
    return record


async def existing_for_update(work: UnitOfWork, patient_id: UUID) -> PatientRecord:
    """Find a patient, and take the patient's turn: nobody else writes for the patient until the transaction ends.

    Raises:
        NotFoundError, PatientErasedError, PatientMergedError: as of `existing`.
    """
    found = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    return found


async def existing_even_merged(work: UnitOfWork, patient_id: UUID) -> PatientRecord:
    """Find a patient of this clinic, also one who is merged into another.

    Raises:
        NotFoundError: there is none.
        PatientErasedError: there is none any more.
    """
    record = await patients.find(work, patient_id)
    if record is None:
        raise await no_such_patient(work, patient_id)
    return record


def patient_of(work: Work, record: PatientRecord) -> Patient:
    """Give a patient as people see them."""
    own = vault_of(work, record)
    reference = open_chart_number(own, record.id, record.external_ref_sealed)
    return Patient(
        id=record.id,
        external_ref=reference,
        email=email_of(work, record),
        time_zone=record.time_zone,
        time_zone_canonical=record.time_zone_canonical,
        locale=record.locale,
        country=record.country,
        mode=record.mode,
        registered_at=record.registered_at,
        version=record.version,
        archived=Archived(at=record.archived_at, reason=record.archived_reason)
        if record.archived_at is not None and record.archived_reason is not None
        else None,
        consent=consent_status_from(version=record.consent_version, withdrawn_at=record.consent_withdrawn_at),
        level=record.level,
    )


async def chart_numbers_of(work: Work, patient_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the chart numbers of these patients; of an erased one there is none.

    It records no access: the caller has recorded what it read, and this only names whom that was about.
    """
    wanted = list(set(patient_ids))
    if not wanted:
        return {}
    found = await patients.find_many(work, wanted)
    return {one.id: patient_of(work, one).external_ref for one in found.values()}


async def id_of_chart_number(work: Work, number: str) -> UUID | None:
    """Find the patient with this chart number."""
    index = chart_number_index(work, number)
    return await patients.find_by_chart_number(work, index)


async def search_patients(work: Work, part: str, *, limit: int) -> list[tuple[UUID, str]]:
    """Find patients whose chart number contains this, in any case; the first by number.

    Numbers are sealed, so each is opened: for a clinic of some thousands that takes a moment, no index.
    """
    wanted = part.casefold()
    found = []
    for one in await patients.all_references(work):
        own = work.vault.of_patient(one.wrapped_key, clinic_id=work.clinic_id, patient_id=one.id)
        number = open_chart_number(own, one.id, one.external_ref_sealed)
        if wanted in number.casefold():
            found.append((one.id, number))
    work.record_access("patients", patient_id=None)
    return sorted(found, key=lambda each: (len(each[1]), each[1]))[:limit]
