"""Opening a clinic, reading and changing what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.access.clinics.attention import Attention, attention_of
from app.access.clinics.contacts import Contact, Contacts, Role, missing_contacts, open_contacts, seal_contact
from app.access.clinics.scopes import Scope
from app.clinical.waiting import LIMIT_NOTES, STANDARD_LIMITS, WaitingLimits
from app.context import AppContext
from app.foundation.audit import OPERATOR, Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.foundation.vault import Vault
from app.storage import api_keys, clinics
from app.storage.clinics import ClinicProfile
from app.storage.engine.unit_of_work import UnitOfWork
from app.web.etags import ChangedMeanwhileError

_PHONE_CELL: Final = {"table": "clinic_profiles", "column": "crisis_phone_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedClinic:
    """A new clinic and its first key, whose text is shown this once."""

    clinic_id: UUID
    api_key: str


class ContactsNeededError(RefusalError):
    """A live clinic keeps a safety contact and a second one, another person; change both at once if need be."""

    kind = RefusalKind.CONFLICT
    code = "contacts-needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A clinic as its people see it; ``mode`` is ``test`` until it goes live.

    ``attention`` is what somebody must look after now.
    """

    id: UUID
    name: str
    mode: str
    went_live_at: datetime | None
    crisis_phone: str | None
    country: str | None
    crisis_lines: tuple[dict[str, Any], ...]
    safety_contact: Contact | None
    second_contact: Contact | None
    limits: WaitingLimits
    version: int
    attention: tuple[Attention, ...] = ()

    @property
    def contacts(self) -> Contacts:
        """Who is told when nobody answers, as far as they are named."""
        given = {Role.SAFETY: self.safety_contact, Role.SECOND: self.second_contact}
        return {role: contact for role, contact in given.items() if contact is not None}

    def needing(self, attention: tuple[Attention, ...]) -> "Clinic":
        """Give the clinic with what it must look after."""
        return replace(self, attention=attention)


async def open_clinic(context: AppContext, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode, with a first key that may do everything."""
    clinic_id, key_id, now = new_id(), new_id(), context.clock.now()
    text, reference = new_token(TokenKind.API_KEY, clinic_id)
    async with context.database.work(clinic_id) as work:
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


async def read_clinic(context: AppContext, clinic_id: UUID) -> Clinic:
    """Give the clinic, with what it must look after.

    Raises:
        NotFoundError: there is none.
    """
    async with context.database.work(clinic_id) as work:
        clinic = await clinic_in(work, context.vault)
        return clinic.needing(await attention_of(work, mode=clinic.mode))


async def change_clinic(
    context: AppContext, clinic_id: UUID, changes: Mapping[str, Any], *, version: int, actor: Actor
) -> Clinic:
    """Change what is given, by its name in `Clinic`; the rest stays. A limit of None is the standard one.

    Raises:
        ChangedMeanwhileError: the version is not the current one.
        ContactsNeededError: a live clinic would be left without its two contacts.
    """
    now = context.clock.now()
    limits = dict(changes.get("limits") or {})
    async with context.database.work(clinic_id) as work:
        before = await clinic_in(work, context.vault)
        after = replace(before, **{name: value for name, value in changes.items() if name != "limits"})
        missing = missing_contacts(after.contacts) if before.mode == "live" else []
        if missing:
            raise ContactsNeededError().finding(missing)
        changed = await clinics.change_profile(
            work,
            version=version,
            audit=_event(now, actor, "clinic.changed", "clinic", clinic_id),
            **limits,
            **_sealed(context.vault, after),
        )
        if not changed:
            raise ChangedMeanwhileError
        clinic = await clinic_in(work, context.vault)
        clinic = clinic.needing(await attention_of(work, mode=clinic.mode))
        await work.commit()
    return clinic


async def clinic_in(work: UnitOfWork, vault: Vault) -> Clinic:
    """Give this transaction's clinic.

    Raises:
        NotFoundError: there is none.
    """
    profile = await _profile(work)
    contacts, sealed = open_contacts(vault, work.clinic_id, profile), profile.crisis_phone_sealed
    return Clinic(
        id=work.clinic_id,
        name=profile.name,
        mode=profile.mode,
        went_live_at=profile.went_live_at,
        crisis_phone=open_crisis_phone(vault, work.clinic_id, sealed),
        country=profile.country,
        crisis_lines=tuple(profile.crisis_lines),
        safety_contact=contacts.get(Role.SAFETY),
        second_contact=contacts.get(Role.SECOND),
        limits=_limits(profile),
        version=profile.version,
    )


async def limits_in_force(work: UnitOfWork) -> WaitingLimits:
    """Give how long something may wait for somebody of this clinic."""
    return _limits(await _profile(work))


async def crisis_phone(work: UnitOfWork, vault: Vault) -> str | None:
    """Give the clinic's own number for a crisis, if it gave one."""
    return (await clinic_in(work, vault)).crisis_phone


async def crisis_phone_of(context: AppContext, clinic_id: UUID) -> str | None:
    """Give the clinic's own number for a crisis, in a transaction of its own."""
    async with context.database.work(clinic_id) as work:
        return await crisis_phone(work, context.vault)


def open_crisis_phone(vault: Vault, clinic_id: UUID, sealed: bytes | None) -> str | None:
    """Open the clinic's own number, if it gave one."""
    return (
        None if sealed is None else vault.open(sealed, clinic_id=clinic_id, row_id=clinic_id, **_PHONE_CELL)
    )


async def _profile(work: UnitOfWork) -> ClinicProfile:
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    return profile


def _limits(profile: ClinicProfile) -> WaitingLimits:
    own = {name: getattr(profile, name) for name in LIMIT_NOTES}
    return replace(STANDARD_LIMITS, **{name: value for name, value in own.items() if value is not None})


def _sealed(vault: Vault, clinic: Clinic) -> dict[str, Any]:
    """Give the columns of what a clinic says of itself."""
    phone = clinic.crisis_phone
    return {
        "name": clinic.name,
        "country": clinic.country,
        "crisis_lines": list(clinic.crisis_lines),
        "crisis_phone_sealed": None
        if phone is None
        else vault.seal(phone, clinic_id=clinic.id, row_id=clinic.id, **_PHONE_CELL),
        "safety_contact_sealed": seal_contact(vault, clinic.id, Role.SAFETY, clinic.safety_contact),
        "second_contact_sealed": seal_contact(vault, clinic.id, Role.SECOND, clinic.second_contact),
    }


def _event(now: datetime, actor: Actor, action: str, kind: str, subject_id: UUID) -> AuditEvent:
    return AuditEvent(at=now, actor=actor, action=action, subject_kind=kind, subject_id=subject_id)
