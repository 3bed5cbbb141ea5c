"""Who calls for a clinic: a key of the clinic, or a member of its staff who is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.access.clinics import staff_sessions
from app.access.clinics.permissions import (
    OWNER_GRANTED,
    PERMISSIONS_MATRIX,
    Permission,
    Scope,
    StaffRole,
    role_may,
    scope_may,
)
from app.access.clinics.staff_sessions import SignedInMember
from app.context import AppContext
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.storage import api_keys, emergency_accesses, safety_events, signals
from app.storage.engine.unit_of_work import UnitOfWork


class ScopeMissingError(RefusalError):
    """This API key may not do this; it lacks the scope that the operation asks for."""

    kind = RefusalKind.FORBIDDEN
    code = "scope-missing"


class RoleMayNotError(RefusalError):
    """Your role may not do this; an owner of the clinic can do it or change your role."""

    kind = RefusalKind.FORBIDDEN
    code = "role-may-not"
    # The patient whom this member could open in an emergency to do it all the same; pages offer the way there.
    openable: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicCaller:
    """Someone who may act for a clinic.

    Attributes:
        id: the key's, or the member's.
        scopes: a key's own; empty for staff.
        member: the signed-in member; None for a key.
        is_program: it came by a signed assertion; its scopes are SMART's.
        emergency_id: the emergency access without which this would have been refused.
    """

    clinic_id: UUID
    id: UUID
    scopes: frozenset[str] = frozenset()
    member: SignedInMember | None = None
    emergency_id: UUID | None = None
    is_program: bool = False

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        kind = ActorKind.API_KEY if self.member is None else ActorKind.STAFF
        return Actor(kind=kind, id=self.id, emergency_id=self.emergency_id)

    @property
    def role(self) -> StaffRole | None:
        """The member's role; None for a key."""
        return None if self.member is None else self.member.role

    @property
    def signed_in(self) -> SignedInMember:
        """The signed-in member.

        Raises:
            TokenNotValidError: it is a key.
        """
        if self.member is None:
            raise TokenNotValidError
        return self.member

    def may(self, permission: Permission) -> bool:
        """Say whether this permission is theirs at any time, emergencies aside."""
        if self.member is None:
            return scope_may(self.scopes, permission)
        return role_may(self.member.role, permission)

    @property
    def may_give(self) -> frozenset[str]:
        """The scopes that a key made by this caller can have: no more than what is theirs."""
        if self.member is None:
            return self.scopes - OWNER_GRANTED
        return frozenset(
            scope
            for scope in Scope
            if all(self.may(one) for one, who in PERMISSIONS_MATRIX.items() if who.scope is scope)
        )

    @property
    def may_make(self) -> frozenset[StaffRole]:
        """The roles that this caller can invite with: none that may more than the caller."""
        beyond = {
            role
            for permission, who in PERMISSIONS_MATRIX.items()
            # What only an owner grants is beyond every key, the one included that lets the first owner in.
            if who.scope not in {None, *OWNER_GRANTED} and not self.may(permission)
            for role in who.roles
        }
        return frozenset(StaffRole) - beyond


async def find_caller(context: AppContext, token: str, *kinds: TokenKind) -> ClinicCaller:
    """Find who carries this token.

    Raises:
        TokenNotValidError: it is not of these kinds, or opens nothing (any more).
    """
    reference = read_token(token, *kinds)
    async with context.work(reference.clinic_id) as work:
        if reference.kind is TokenKind.STAFF_SESSION:
            return await _of_session(work, reference, work.real_now)
        key = await api_keys.working_key(work, reference.digest)
    if key is None:
        raise TokenNotValidError
    is_program = reference.kind is TokenKind.BACKEND_ACCESS
    return ClinicCaller(clinic_id=reference.clinic_id, id=key.id, scopes=key.scopes, is_program=is_program)


async def _of_session(work: UnitOfWork, reference: TokenReference, now: datetime) -> ClinicCaller:
    member = await staff_sessions.member_of(work, reference, now=now)
    if member is None:
        raise TokenNotValidError
    return ClinicCaller(clinic_id=reference.clinic_id, id=member.staff_id, member=member)


async def allowed(
    context: AppContext, caller: ClinicCaller, permission: Permission, about: Mapping[str, str]
) -> ClinicCaller:
    """Let a caller through who has this permission, or has opened this patient in an emergency.

    Args:
        context: the process's context.
        caller: who it is.
        permission: what is asked for.
        about: the ids in the path, by name.

    Raises:
        ScopeMissingError: the key may not.
        RoleMayNotError: the member's role may not, and there is no emergency.
    """
    if caller.may(permission):
        return caller
    if caller.member is None:
        raise ScopeMissingError
    refusal = RoleMayNotError()
    if PERMISSIONS_MATRIX[permission].in_emergency and caller.may(Permission.EMERGENCY):
        opened = await emergency_of(context, caller, about)
        if opened.access_id is not None:
            return replace(caller, emergency_id=opened.access_id)
        refusal.openable = opened.patient_id
    raise refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPatient:
    """The patient whom a path is about, if it is about one, and the emergency access that is open now."""

    patient_id: UUID | None
    access_id: UUID | None = None


async def emergency_of(context: AppContext, caller: ClinicCaller, about: Mapping[str, str]) -> OpenedPatient:
    """Find what a member has opened in an emergency, of what the ids in a path are about."""
    async with context.work(caller.clinic_id) as work:
        patient_id = await _patient_in(work, about)
        if patient_id is None:
            return OpenedPatient(patient_id=None)
        access_id = await emergency_accesses.open_now(
            work, staff_id=caller.id, patient_id=patient_id, now=work.real_now
        )
    return OpenedPatient(patient_id=patient_id, access_id=access_id)


async def _patient_in(work: UnitOfWork, about: Mapping[str, str]) -> UUID | None:
    """Say which patient the ids in a path are about."""
    try:
        ids = {name: UUID(value) for name, value in about.items() if name.endswith("_id")}
    except ValueError:
        return None
    if "patient_id" in ids:
        return ids["patient_id"]
    if "signal_id" in ids:
        signal = await signals.TABLE.find(work, ids["signal_id"])
        return None if signal is None else signal.patient_id
    if "event_id" in ids:
        event = await safety_events.TABLE.find(work, ids["event_id"])
        return None if event is None else event.patient_id
    return None
