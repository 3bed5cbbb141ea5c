"""Enrolment: staff issue a one-time code, the patient's device exchanges it for tokens. No password."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.foundation.audit import Actor, ActorKind, AuditEvent
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.patients import tokens
from app.patients.consent_standing import ConsentStanding, standing_of
from app.patients.enrolment_codes import LASTS, MOST_TRIES, CodeText, new_code, read_code
from app.patients.erased import no_such_patient
from app.storage import devices, enrolment_codes, failed_tries, patients
from app.storage.patients import PatientRecord
from app.web.equipment import Equipment

_WINDOW: Final = timedelta(minutes=15)


class CodeNotValidError(RefusalError):
    """This code does not work: it was mistyped, used before, or has expired. Please ask the clinic for a new one."""

    # One text for all three: a guesser learns nothing.
    kind = RefusalKind.UNAUTHENTICATED
    code = "enrolment-code-not-valid"


class TooManyTriesError(RefusalError):
    """Too many codes were tried from here; please wait, or ask the clinic for help."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-tries"


class NoFreeCodeError(RefusalError):
    """No code could be made just now; please try again."""

    kind = RefusalKind.UNAVAILABLE
    code = "no-free-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A code for one patient; ``url`` carries it in the fragment, which browsers never send."""

    code: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A device that may speak for the patient from now on."""

    tokens: tokens.IssuedTokens
    patient: PatientRecord
    consent: ConsentStanding


async def issue_code(equipment: Equipment, clinic_id: UUID, patient_id: UUID, *, actor: Actor) -> IssuedCode:
    """Make a code for a patient of this clinic, good for 15 minutes and one use.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        if await patients.find(work, patient_id) is None:
            raise await no_such_patient(work, patient_id)
        for _ in range(10):  # a selector may be taken; ten in a row never are
            code = new_code()
            record = enrolment_codes.EnrolmentCode(
                id=new_id(),
                patient_id=patient_id,
                secret_mac=_mac(equipment.vault, code),
                expires_at=now + LASTS,
                used_at=None,
            )
            audit = _event(now, actor, "enrolment_code.issued", record.id, patient_id)
            if await enrolment_codes.add(work, record, selector=code.selector, now=now, audit=audit):
                await work.commit()
                return IssuedCode(
                    code=str(code), url=f"{equipment.public_url}/enrol#{code}", expires_at=record.expires_at
                )
    raise NoFreeCodeError


async def enrol(equipment: Equipment, *, code_text: str, device_name: str, address: str) -> Enrolled:
    """Exchange a code for a device's tokens.

    Raises:
        CodeMalformedError: it cannot be a code.
        CodeNotValidError: wrong, used or expired.
        TooManyTriesError: five failed from this address within 15 minutes.
    """
    code, now = read_code(code_text), equipment.clock.now()
    caller = equipment.vault.digest(b"address", address.encode())
    window_start = datetime.fromtimestamp(
        now.timestamp() // _WINDOW.total_seconds() * _WINDOW.total_seconds(), UTC
    )
    where = await _count_try(equipment, caller, code, window_start=window_start, now=now)
    if where is None:
        raise CodeNotValidError("#/code")
    clinic_id, code_id = where
    async with equipment.database.work(clinic_id) as work:
        found = await enrolment_codes.find(work, code_id)
        if (
            found is None
            or found.used_at is not None
            or found.expires_at <= now
            or not hmac.compare_digest(found.secret_mac, _mac(equipment.vault, code))
        ):
            raise CodeNotValidError("#/code")
        device_id = new_id()
        actor = Actor(kind=ActorKind.DEVICE, id=device_id)
        await enrolment_codes.mark_used(
            work, code_id, now=now, audit=_event(now, actor, "enrolment_code.used", code_id, found.patient_id)
        )
        await devices.add(
            work,
            id=device_id,
            patient_id=found.patient_id,
            name_sealed=equipment.vault.seal(
                device_name, table="devices", column="name_sealed", clinic_id=clinic_id, row_id=device_id
            ),
            now=now,
            audit=_event(now, actor, "device.enrolled", device_id, found.patient_id),
        )
        issued = await tokens.issue(
            work, device_id=device_id, patient_id=found.patient_id, parent_id=None, now=now
        )
        patient = await patients.find(work, found.patient_id)
        consent = await standing_of(work, found.patient_id)
        if patient is None or consent is None:
            raise CodeNotValidError("#/code")
        # Not a failed try after all; the same transaction, or the count would be wrong after a crash.
        await failed_tries.take_one_back(work, caller, window_start=window_start)
        await work.commit()
    return Enrolled(tokens=issued, patient=patient, consent=consent)


async def _count_try(
    equipment: Equipment, caller: bytes, code: CodeText, *, window_start: datetime, now: datetime
) -> tuple[UUID, UUID] | None:
    async with equipment.database.work(None) as work:
        tries = await failed_tries.count_one(work, caller, window_start=window_start)
        if tries > MOST_TRIES:
            wait = window_start + _WINDOW - now
            raise TooManyTriesError(retry_after_seconds=max(1, int(wait.total_seconds())))
        where = await enrolment_codes.try_selector(work, code.selector, most_tries=MOST_TRIES, now=now)
        await work.commit()
    return where


def _mac(vault: Vault, code: CodeText) -> bytes:
    return vault.digest(b"enrolment code", code.selector.encode(), code.secret.encode())


def _event(now: datetime, actor: Actor, action: str, subject_id: UUID, patient_id: UUID) -> AuditEvent:
    kind = action.partition(".")[0]
    return AuditEvent(
        at=now, actor=actor, action=action, subject_kind=kind, subject_id=subject_id, patient_id=patient_id
    )
