"""The members of a clinic's staff: what is sealed of them, and that one active owner always stays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.context import Work
from app.foundation.addresses import email_key
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.storage import staff_members
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember

_TABLE: Final = "staff_members"
INVITED: Final = "invited"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"
UNLOCKED: Final[dict[str, Any]] = {"failed_tries": 0, "locked_until": None}


class LastOwnerError(RefusalError):
    """This is the clinic's last active owner; make someone else an owner first."""

    kind = RefusalKind.CONFLICT
    code = "last-owner"


class RoleNotYoursError(RefusalError):
    """A key can invite only staff who may no more than the key itself."""

    kind = RefusalKind.FORBIDDEN
    code = "role-not-yours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """The days on which a member is not at work, both included; without a last day until further notice."""

    first: date
    until: date | None


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
    away: Away | None
    unreachable_since: datetime | None
    version: int


class MemberNotActiveError(RefusalError):
    """The clinic has no such active member of the staff; whoever is assigned can sign in."""

    code = "member-not-active"


async def refuse_member(work: UnitOfWork, staff_id: UUID | None, *, pointer: str = "#/care_team") -> None:
    """Refuse the id of nobody who can sign in; None is nobody's.

    Raises:
        MemberNotActiveError: it is; ``pointer`` names the field.
    """
    member = None if staff_id is None else await staff_members.find(work, staff_id)
    if staff_id is not None and (member is None or member.state != ACTIVE):
        raise MemberNotActiveError(pointer)


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
    """Refuse a key that would invite someone who may do more than itself.

    Raises:
        RoleNotYoursError: it would.
    """
    if not set(roles) <= set(may_make):
        raise RoleNotYoursError("#/role")


def shown(work: Work, member: StaffMember) -> Member:
    """Open what is sealed about a member."""
    opened = {
        column: work.vault.open(
            sealed, table=_TABLE, column=column, clinic_id=work.clinic_id, row_id=member.id
        )
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
        away=Away(first=member.away_from, until=member.away_until) if member.away_from else None,
        unreachable_since=member.unreachable_since,
        version=member.version,
    )


def seal(vault: Vault, clinic_id: UUID, staff_id: UUID, column: str, text: str) -> bytes:
    """Seal a member's name, address or secret for its own cell."""
    return vault.seal(text, table=_TABLE, column=column, clinic_id=clinic_id, row_id=staff_id)


def address_digest(vault: Vault, email: str) -> bytes:
    """Give what an address is found by: the same at every clinic, however it is written, and no address."""
    return vault.digest(b"staff address", email_key(email).encode())
