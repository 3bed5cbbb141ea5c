"""Registering patients, and changing how they are known."""

from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from app.care.patients.queries import Patient, existing, patient_of
from app.care.patients.reminder_choices import ChoicesChange, change_choices, choices_of, plan_of
from app.care.patients.sealed_fields import (
    chart_number_index,
    email_of,
    open_chart_number,
    seal_chart_number,
    seal_email,
    vault_of,
)
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.zones import canonical_zone
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import clinics, patient_states, patients, reminder_plans, sign_in_links
from app.storage.patients import PatientRecord
from app.web.headers import ChangedMeanwhileError


class Unchanged(Enum):
    """Distinguishes a value that stays from one that is removed."""

    STAYS = "stays"


STAYS: Final = Unchanged.STAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsChange:
    """What to change of a patient's details; None lets zone, language or reminders be as they are."""

    time_zone: str | None = None
    locale: str | None = None
    email: str | Unchanged | None = STAYS
    country: str | Unchanged | None = STAYS
    reminders: ChoicesChange | None = None


async def change_patient(
    work: Work,
    patient_id: UUID,
    change: DetailsChange,
    *,
    version: int | None,
) -> Patient:
    """Change zone, language, address or reminders from now on; past days do not move.

    ``version`` None: whatever it is. With another address, or none, the links that went to the one before end.

    Raises:
        NotFoundError: there is no such patient.
        ChangedMeanwhileError: the version is not the current one.
        AskedInQuietHoursError: reminders cannot go so.
    """
    email = change.email
    before = await existing(work, patient_id)
    changed = await patients.change(
        work,
        patient_id,
        time_zone=change.time_zone or before.time_zone,
        locale=change.locale or before.locale,
        country=before.country if isinstance(change.country, Unchanged) else change.country,
        email_sealed=before.email_sealed
        if isinstance(email, Unchanged)
        else seal_email(vault_of(work, before), patient_id, email),
        version=before.version if version is None else version,
    )
    if not changed:
        raise ChangedMeanwhileError("header/if-match")
    work.audit("patient.changed", "patient", patient_id)
    if not isinstance(email, Unchanged) and email != email_of(work, before):
        await sign_in_links.end_all(work, patient_id, now=work.now)
        work.audit("sign_in_links.ended", "patient", patient_id)
    if change.time_zone is not None and change.time_zone != before.time_zone:
        # The rule's state speaks of days in the zone that it was made in.
        await patient_states.forget_state(work, patient_id)
    after = await existing(work, patient_id)
    if after.time_zone != before.time_zone:
        # Where the patient is now, it may be time already.
        await reminder_plans.look_at(work, patient_id, work.now)
    if change.reminders is not None:
        await _change_reminders(work, after, change.reminders)
    return patient_of(work, after)


async def _change_reminders(work: Work, patient: PatientRecord, change: ChoicesChange) -> None:
    plan = await plan_of(work, patient.id, lock=True)
    own = vault_of(work, patient)
    choices = change(choices_of(own, plan))
    await change_choices(work, own, plan, choices, time_zone=patient.time_zone)


_AT_ONCE: Final = 500


async def compute_keys(work: Work) -> int:
    """Compute the keys of patients who were registered before there were any; gives how many.

    Of two whose numbers only a computer could distinguish, the first keeps the key; the other is found by
    exactly its own number, as before, until someone changes it.
    """
    waiting = await patients.without_key(work, limit=_AT_ONCE)
    for one in waiting:
        own = vault_of(work, one)
        number = open_chart_number(own, one.id, one.external_ref_sealed)
        index = chart_number_index(work, number)
        holder = await patients.holder_of_key(work, index.key)
        await patients.set_key(work, one.id, index.key if holder is None else index.exactly)
    return len(waiting)


class PatientExistsError(RefusalError):
    """The clinic has a patient with this chart number already."""

    kind = RefusalKind.CONFLICT
    code = "patient-exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A patient to be: the chart number, never a name, and how to reach them."""

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
    index = chart_number_index(work, registration.external_ref)
    # Whoever was registered before chart numbers had keys is found, too.
    await compute_keys(work)
    if await patients.find_by_chart_number(work, index) is not None:
        raise PatientExistsError("#/external_ref")
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    wrapped_key = work.vault.new_patient_key(clinic_id=work.clinic_id, patient_id=patient_id)
    own = work.vault.of_patient(wrapped_key, clinic_id=work.clinic_id, patient_id=patient_id)
    record = PatientRecord(
        id=patient_id,
        external_ref_sealed=seal_chart_number(own, patient_id, registration.external_ref),
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
    return patient_of(work, record)
