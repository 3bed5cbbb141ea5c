"""A patient's devices, phones and browsers: added when they come in, listed, and ended one by one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.care.patients.own_vault import vault_of
from app.care.patients.service import existing
from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError
from app.storage import device_tokens, devices
from app.storage.patients import PatientRecord

_NAME_CELL = {"table": "devices", "column": "name_sealed"}


class DeviceKind(StrEnum):
    """What it is."""

    PHONE = "phone"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledDevice:
    """A device that may speak for a patient.

    ``last_used_at`` is exact to a quarter of an hour for a phone, to an hour for a browser.
    """

    id: UUID
    name: str
    kind: DeviceKind
    enrolled_at: datetime
    last_used_at: datetime


async def add_device(work: Work, patient: PatientRecord, *, device_id: UUID, name: str) -> None:
    """Let a device speak for a patient who has just proved to be this patient."""
    await devices.add(
        work,
        id=device_id,
        patient_id=patient.id,
        name_sealed=vault_of(work.vault, work.clinic_id, patient).seal(name, row_id=device_id, **_NAME_CELL),
        now=work.now,
    )
    work.audit("device.enrolled", "device", device_id, patient_id=patient.id, actor=device_actor(device_id))


async def list_devices(work: Work, patient_id: UUID) -> list[EnrolledDevice]:
    """List what may speak for a patient now; what was revoked is gone.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    listed = await devices_in(work, await existing(work, patient_id))
    work.record_access("devices", patient_id=patient_id)
    return listed


async def devices_in(work: Work, patient: PatientRecord) -> list[EnrolledDevice]:
    """List what may speak for a patient now, for a page that notes itself what it showed."""
    found = await devices.of_patient(work, patient.id)
    issues = await device_tokens.last_issues(work, patient.id)
    listed, own = [], vault_of(work.vault, work.clinic_id, patient)
    for one in found:
        last, is_browser = issues.get(one.id, (one.enrolled_at, False))
        listed.append(
            EnrolledDevice(
                id=one.id,
                name=own.open(one.name_sealed, row_id=one.id, **_NAME_CELL),
                kind=DeviceKind.BROWSER if is_browser else DeviceKind.PHONE,
                enrolled_at=one.enrolled_at,
                last_used_at=last,
            )
        )
    return listed


async def revoke_device(work: Work, patient_id: UUID, device_id: UUID) -> None:
    """End a device and all of its tokens at once; a second time changes nothing.

    Raises:
        NotFoundError: the patient never had such a device.
    """
    if not await devices.belongs_to(work, device_id, patient_id):
        raise NotFoundError
    await devices.revoke(work, device_id, now=work.now)
    work.audit("device.revoked", "device", device_id, patient_id=patient_id)


def device_actor(device_id: UUID) -> Actor:
    """Who acts when a device does."""
    return Actor(kind=ActorKind.DEVICE, id=device_id)
