"""Opening a patient in an emergency: with a reason, for an hour, and every owner is told."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.erased import no_such_patient
from app.access.clinics.permissions import StaffRole
from app.access.clinics.service import clinic_in
from app.access.staff.members import ACTIVE, shown
from app.context import AppContext
from app.foundation.audit import SYSTEM, Actor, AuditEvent
from app.foundation.ids import new_id
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import emergency_accesses, patient_states, patients, staff_members
from app.storage.access_records import record_access
from app.storage.emergency_accesses import EmergencyAccess
from app.storage.engine.unit_of_work import UnitOfWork

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


async def open_patient(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, reason: str, staff_id: UUID, actor: Actor
) -> EmergencyAccess:
    """Open a patient to a member for an hour, and have the owners told.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError: it had one.
    """
    now, access_id = context.clock.now(), new_id()
    async with context.database.work(clinic_id) as work:
        # The patient's turn: one who is being erased is not opened.
        await patient_states.lock(work, patient_id)
        patient = await patients.find(work, patient_id)
        if patient is None:
            raise await no_such_patient(work, patient_id)
        vault = context.vault.of_patient(patient.wrapped_key, clinic_id=clinic_id, patient_id=patient_id)
        access = EmergencyAccess(
            id=access_id,
            staff_id=staff_id,
            patient_id=patient_id,
            reason_sealed=vault.seal(reason, row_id=access_id, **_REASON_CELL),
            opened_at=now,
            ends_at=now + LASTS,
        )
        await emergency_accesses.add(work, access, audit=_event(now, actor, "emergency.opened", access))
        await _tell_owners(work, context, access)
        await work.commit()
    return access


async def open_until(context: AppContext, clinic_id: UUID, access_id: UUID | None) -> datetime | None:
    """Say until when an access lasts, if there is one."""
    if access_id is None:
        return None
    async with context.database.work(clinic_id) as work:
        return await emergency_accesses.ends_at(work, access_id)


async def list_emergencies(
    context: AppContext, clinic_id: UUID, *, before: UUID | None, limit: int, actor: Actor
) -> list[Emergency]:
    """List who opened whom, when and why, newest first."""
    async with context.database.work(clinic_id) as work:
        found = await emergency_accesses.page(work, before=before, limit=limit)
        names = {
            one.id: shown(context.vault, clinic_id, one).name
            for one in await staff_members.all_of_clinic(work)
        }
        await record_access(work, "emergencies", now=context.clock.now(), actor=actor, patient_id=None)
    return [
        Emergency(
            id=access.id,
            staff_id=access.staff_id,
            staff_name=names[access.staff_id],
            patient_id=access.patient_id,
            reason=context.vault.of_patient(
                wrapped_key, clinic_id=clinic_id, patient_id=access.patient_id
            ).open(access.reason_sealed, row_id=access.id, **_REASON_CELL),
            opened_at=access.opened_at,
            ends_at=access.ends_at,
        )
        for access, wrapped_key in found
    ]


async def _tell_owners(work: UnitOfWork, context: AppContext, access: EmergencyAccess) -> None:
    """Write to every owner who can sign in: that it happened, and where to read about it; no more."""
    mode, now = (await clinic_in(work, context.vault)).mode, access.opened_at
    for owner in await staff_members.all_of_clinic(work):
        if owner.role != StaffRole.OWNER or owner.state != ACTIVE:
            continue
        message = NewMessage(
            channel=Channel.EMAIL,
            to=shown(context.vault, work.clinic_id, owner).email,
            wording=Wording.EMERGENCY_OPENED,
            locale=DEFAULT_LANGUAGE,
            link=f"{context.public_url}{STAFF_PAGE}",
            mode=mode,
            subject_id=access.id,
        )
        audit = _event(now, SYSTEM, "emergency.owner_told", access)
        await queue_message(work, context.vault, message, now=now, audit=audit)


def _event(now: datetime, actor: Actor, action: str, access: EmergencyAccess) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject_kind="emergency",
        subject_id=access.id,
        patient_id=access.patient_id,
    )
