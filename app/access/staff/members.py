"""The members of a clinic's staff: listed, changed, locked out and let in again. One active owner always stays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.context import AppContext
from app.foundation.addresses import email_key
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.storage import staff_invitations, staff_members, staff_sessions
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember
from app.web.etags import ChangedMeanwhileError

_TABLE: Final = "staff_members"
INVITED: Final = "invited"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"
UNLOCKED: Final[dict[str, Any]] = {"failed_tries": 0, "locked_until": None}


class LastOwnerError(RefusalError):
    """This is the clinic's last active owner; make somebody else an owner first."""

    kind = RefusalKind.CONFLICT
    code = "last-owner"


class RoleNotYoursError(RefusalError):
    """A key can let in only staff who may no more than the key itself."""

    kind = RefusalKind.FORBIDDEN
    code = "role-not-yours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as the clinic's owners see one."""

    id: UUID
    name: str = field(repr=False)
    email: str = field(repr=False)
    role: StaffRole
    state: str
    invited_at: datetime
    joined_at: datetime | None
    locked_until: datetime | None
    version: int


async def list_members(context: AppContext, clinic_id: UUID) -> list[Member]:
    """List the clinic's staff, in the order in which they were invited, also those locked out."""
    async with context.database.work(clinic_id) as work:
        found = await staff_members.all_of_clinic(work)
    return [shown(context.vault, clinic_id, one) for one in found]


async def read_member(context: AppContext, clinic_id: UUID, staff_id: UUID) -> Member:
    """Give a member.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    async with context.database.work(clinic_id) as work:
        member = await staff_members.find(work, staff_id)
    if member is None:
        raise NotFoundError
    return shown(context.vault, clinic_id, member)


async def change_member(
    context: AppContext,
    clinic_id: UUID,
    staff_id: UUID,
    *,
    name: str | None,
    role: StaffRole | None,
    version: int,
    may_make: Collection[StaffRole],
    actor: Actor,
) -> Member:
    """Change a member's name or role; what is None stays. A new role counts from the member's next request on.

    Raises:
        NotFoundError: the clinic has no such member.
        ChangedMeanwhileError: the version is not the current one.
        RoleNotYoursError: it is a key's doing, and the role may more than the key.
        LastOwnerError: nobody could look after the staff afterwards.
    """
    now, changes = context.clock.now(), dict[str, Any]()
    async with context.database.work(clinic_id) as work:
        member, staff = await locked_with_all(work, staff_id)
        if member.version != version:
            raise ChangedMeanwhileError("header/if-match")
        if role is not None and role != member.role:
            refuse_role({role, StaffRole(member.role)}, may_make)
            refuse_without_owner(staff, staff_id)
            changes["role"] = role.value
        if name is not None:
            changes["name_sealed"] = seal(context.vault, clinic_id, staff_id, "name", name)
        audit = staff_event(now, actor, "staff.changed", staff_id)
        await staff_members.change(work, staff_id, audit=audit, **changes)
        return await _kept(work, context.vault, staff_id)


async def disable(context: AppContext, clinic_id: UUID, staff_id: UUID, *, actor: Actor) -> Member:
    """Lock a member out at once: sessions and links end. A second time changes nothing.

    Raises:
        NotFoundError: the clinic has no such member.
        LastOwnerError: nobody could look after the staff afterwards.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        member, staff = await locked_with_all(work, staff_id)
        if member.state != DISABLED:
            refuse_without_owner(staff, staff_id)
            audit = staff_event(now, actor, "staff.disabled", staff_id)
            await staff_members.change(work, staff_id, audit=audit, state=DISABLED)
            await staff_sessions.end_all(work, staff_id, now=now, audit=audit)
            await staff_invitations.end_all(work, staff_id, now=now, audit=audit)
        return await _kept(work, context.vault, staff_id)


async def enable(context: AppContext, clinic_id: UUID, staff_id: UUID, *, actor: Actor) -> Member:
    """Let a member in again, and forget wrong tries; who never joined needs a new invitation.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        member = await locked(work, staff_id)
        changes: dict[str, Any] = dict(UNLOCKED)
        if member.state == DISABLED:
            changes["state"] = INVITED if member.password_hash is None else ACTIVE
        audit = staff_event(now, actor, "staff.enabled", staff_id)
        await staff_members.change(work, staff_id, audit=audit, **changes)
        return await _kept(work, context.vault, staff_id)


async def locked(work: UnitOfWork, staff_id: UUID) -> StaffMember:
    """Find a member who is about to be changed.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    member = await staff_members.find(work, staff_id, lock=True)
    if member is None:
        raise NotFoundError
    return member


async def locked_with_all(work: UnitOfWork, staff_id: UUID) -> tuple[StaffMember, Sequence[StaffMember]]:
    """Find a member, and all of the staff, whom nobody else changes meanwhile.

    All of them: two owners who lock each other out at once would otherwise both succeed.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    await staff_members.all_of_clinic(work, lock=True)
    # Read by a statement after the locking one, which may have waited and would show what was before.
    staff = await staff_members.all_of_clinic(work)
    member = next((one for one in staff if one.id == staff_id), None)
    if member is None:
        raise NotFoundError
    return member, staff


def refuse_without_owner(staff: Collection[StaffMember], staff_id: UUID) -> None:
    """Refuse what would leave the clinic without an owner who can sign in.

    Raises:
        LastOwnerError: this is the last one.
    """
    owners = {one.id for one in staff if one.role == StaffRole.OWNER and one.state == ACTIVE}
    if owners == {staff_id}:
        raise LastOwnerError


def refuse_role(roles: Collection[StaffRole], may_make: Collection[StaffRole]) -> None:
    """Refuse a key that would let somebody in who may more than itself.

    Raises:
        RoleNotYoursError: it would.
    """
    if not set(roles) <= set(may_make):
        raise RoleNotYoursError("#/role")


def shown(vault: Vault, clinic_id: UUID, member: StaffMember) -> Member:
    """Open what is sealed about a member."""
    opened = {
        column: vault.open(sealed, table=_TABLE, column=column, clinic_id=clinic_id, row_id=member.id)
        for column, sealed in (("name", member.name_sealed), ("email", member.email_sealed))
    }
    return Member(
        id=member.id,
        name=opened["name"],
        email=opened["email"],
        role=StaffRole(member.role),
        state=member.state,
        invited_at=member.invited_at,
        joined_at=member.joined_at,
        locked_until=member.locked_until,
        version=member.version,
    )


def seal(vault: Vault, clinic_id: UUID, staff_id: UUID, column: str, text: str) -> bytes:
    """Seal a member's name, address or secret for its own cell."""
    return vault.seal(text, table=_TABLE, column=column, clinic_id=clinic_id, row_id=staff_id)


def address_digest(vault: Vault, email: str) -> bytes:
    """Give what an address is found by: the same at every clinic, however it is written, and no address."""
    return vault.digest(b"staff address", email_key(email).encode())


def staff_event(now: datetime, actor: Actor, action: str, staff_id: UUID) -> AuditEvent:
    """Make a line of the trail about a member."""
    return AuditEvent(at=now, actor=actor, action=action, subject_kind="staff", subject_id=staff_id)


async def _kept(work: UnitOfWork, vault: Vault, staff_id: UUID) -> Member:
    member = await staff_members.find(work, staff_id)
    if member is None:
        raise NotFoundError
    await work.commit()
    return shown(vault, work.clinic_id, member)
