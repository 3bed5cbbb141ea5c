"""Opening a patient in an emergency: with a reason, for an hour, and every owner is notified."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.erased import no_such_patient
from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import clinic_in
from app.access.staff.members import ACTIVE, shown
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.ids import new_id
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import emergency_accesses, patient_states, patients, staff_members
from app.storage.emergency_accesses import EmergencyAccess

LASTS: Final = timedelta(minutes=60)
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 2000
STAFF_PAGE: Final = "/care/staff"
_REASON_CELL: Final = {"table": "emergency_accesses", "column": "reason_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A patient opened in an emergency, as the owners see it."""

    id: UUID
    staff_id: UUID
    staff_name: str = field(repr=False)
    patient_id: UUID
    reason: str = field(repr=False)
    opened_at: datetime
    ends_at: datetime


async def open_patient(work: Work, patient_id: UUID, *, reason: str, staff_id: UUID) -> EmergencyAccess:
    """Open a patient to a member for an hour, and have the owners notified.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError: it had one.
    """
    access_id = new_id()
    # Locked: a patient who is being erased is not opened.
    await patient_states.lock(work, patient_id)
    patient = await patients.find(work, patient_id)
    if patient is None:
        raise await no_such_patient(work, patient_id)
    vault = work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient_id)
    access = EmergencyAccess(
        id=access_id,
        staff_id=staff_id,
        patient_id=patient_id,
        reason_sealed=vault.seal(reason, row_id=access_id, **_REASON_CELL),
        opened_at=work.real_now,
        ends_at=work.real_now + LASTS,
    )
    await emergency_accesses.add(work, access)
    work.audit("emergency.opened", "emergency", access_id, patient_id=patient_id)
    await _notify_owners(work, access)
    return access


async def open_until(work: Work, access_id: UUID | None) -> datetime | None:
    """Say until when an access lasts, if there is one."""
    return None if access_id is None else await emergency_accesses.ends_at(work, access_id)


def open_reason(work: Work, access: EmergencyAccess, wrapped_key: bytes | None) -> str:
    """Open why a patient was opened."""
    vault = work.vault.of_patient(wrapped_key, clinic_id=work.clinic_id, patient_id=access.patient_id)
    return vault.open(access.reason_sealed, row_id=access.id, **_REASON_CELL)


async def _notify_owners(work: Work, access: EmergencyAccess) -> None:
    """Write to every owner who can sign in: that it happened, and where to read about it; no more."""
    mode = (await clinic_in(work)).mode
    for owner in await staff_members.all_of_clinic(work):
        if owner.role != StaffRole.OWNER or owner.state != ACTIVE:
            continue
        message = NewMessage(
            channel=Channel.EMAIL,
            to=shown(work, owner).email,
            wording=Wording.EMERGENCY_OPENED,
            locale=DEFAULT_LANGUAGE,
            link=f"{work.public_url}{STAFF_PAGE}",
            mode=mode,
            subject_id=access.id,
        )
        await queue_message(work, message, now=work.real_now)
        work.audit(
            "emergency.owner_notified", "emergency", access.id, patient_id=access.patient_id, actor=SYSTEM
        )
