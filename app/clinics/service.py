"""Opening a clinic, reading and changing what it says of itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.clinics.scopes import Scope
from app.foundation.audit import OPERATOR, Actor, AuditEvent
from app.foundation.errors import NotFoundError
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.foundation.vault import Vault
from app.storage import api_keys, clinics
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment
from app.web.etags import ChangedMeanwhileError

_PHONE_CELL = {"table": "clinic_profiles", "column": "crisis_phone_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedClinic:
    """A new clinic and its first key, whose text is shown this once."""

    clinic_id: UUID
    api_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A clinic as its people see it; ``mode`` is ``test`` until it goes live."""

    id: UUID
    name: str
    mode: str
    crisis_phone: str | None
    version: int


async def open_clinic(equipment: Equipment, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode, with a first key that may do everything."""
    clinic_id, key_id, now = new_id(), new_id(), equipment.clock.now()
    text, reference = new_token(TokenKind.API_KEY, clinic_id)
    async with equipment.database.work(clinic_id) as work:
        await clinics.add(
            work, name=name, now=now, audit=_event(now, OPERATOR, "clinic.opened", "clinic", clinic_id)
        )
        await api_keys.add(
            work,
            id=key_id,
            name="first key",
            digest=reference.digest,
            scopes=[scope.value for scope in Scope],
            now=now,
            audit=_event(now, OPERATOR, "api_key.made", "api_key", key_id),
        )
        await work.commit()
    return OpenedClinic(clinic_id=clinic_id, api_key=text)


async def read_clinic(equipment: Equipment, clinic_id: UUID) -> Clinic:
    """Give the clinic.

    Raises:
        NotFoundError: there is none.
    """
    async with equipment.database.work(clinic_id) as work:
        return await _clinic(work, equipment.vault)


async def change_clinic(
    equipment: Equipment,
    clinic_id: UUID,
    *,
    name: str | None,
    crisis_phone: str | None,
    version: int,
    actor: Actor,
) -> Clinic:
    """Change what is given; the rest stays.

    Raises:
        ChangedMeanwhileError: the version is not the current one.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        before = await _clinic(work, equipment.vault)
        phone = crisis_phone if crisis_phone is not None else before.crisis_phone
        changed = await clinics.change_profile(
            work,
            name=name if name is not None else before.name,
            crisis_phone_sealed=None
            if phone is None
            else equipment.vault.seal(phone, clinic_id=clinic_id, row_id=clinic_id, **_PHONE_CELL),
            version=version,
            audit=_event(now, actor, "clinic.changed", "clinic", clinic_id),
        )
        if not changed:
            raise ChangedMeanwhileError
        after = await _clinic(work, equipment.vault)
        await work.commit()
    return after


async def crisis_phone(work: UnitOfWork, vault: Vault) -> str | None:
    """Give the clinic's own number for a crisis, if it gave one."""
    return (await _clinic(work, vault)).crisis_phone


async def crisis_phone_of(equipment: Equipment, clinic_id: UUID) -> str | None:
    """Give the clinic's own number for a crisis, in a transaction of its own."""
    async with equipment.database.work(clinic_id) as work:
        return await crisis_phone(work, equipment.vault)


def open_crisis_phone(vault: Vault, clinic_id: UUID, sealed: bytes | None) -> str | None:
    """Open the clinic's own number, if it gave one."""
    return (
        None if sealed is None else vault.open(sealed, clinic_id=clinic_id, row_id=clinic_id, **_PHONE_CELL)
    )


async def _clinic(work: UnitOfWork, vault: Vault) -> Clinic:
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    sealed = profile.crisis_phone_sealed
    return Clinic(
        id=profile.id,
        name=profile.name,
        mode=profile.mode,
        crisis_phone=None
        if sealed is None
        else vault.open(sealed, clinic_id=profile.id, row_id=profile.id, **_PHONE_CELL),
        version=profile.version,
    )


def _event(now: datetime, actor: Actor, action: str, kind: str, subject_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=actor, action=action, subject_kind=kind, subject_id=subject_id)
