"""Invitations: a link that works once, for seven days, and only with its holder's doing. A GET never spends it."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.access.clinics.service import clinic_in
from app.access.staff.invitation_links import Invited, link_for
from app.access.staff.members import (
    ACTIVE,
    DISABLED,
    INVITED,
    UNLOCKED,
    address_digest,
    locked,
    locked_with_all,
    refuse_role,
    refuse_without_owner,
    seal,
    staff_event,
)
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import recovery_codes, staff_members, staff_sessions
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember

EVERY_ROLE: Final = frozenset(StaffRole)


class AddressTakenError(RefusalError):
    """Somebody of this clinic's staff has this address already; invite again, or reset the second factor."""

    kind = RefusalKind.CONFLICT
    code = "address-taken"


class JoinedAlreadyError(RefusalError):
    """This member has joined already and can sign in; a lost phone needs a reset of the second factor."""

    kind = RefusalKind.CONFLICT
    code = "joined-already"


class MemberDisabledError(RefusalError):
    """This member is locked out; let them in again first."""

    kind = RefusalKind.CONFLICT
    code = "member-disabled"


async def invite(
    context: AppContext,
    clinic_id: UUID,
    *,
    name: str,
    email: str,
    role: StaffRole,
    may_make: Collection[StaffRole],
    actor: Actor,
) -> Invited:
    """Invite somebody to the clinic's staff.

    Raises:
        RoleNotYoursError: it is a key's doing, and the role may more than the key.
        AddressTakenError: the clinic has a member with this address.
    """
    refuse_role({role}, may_make)
    now, member = (
        context.clock.now(),
        _new_member(context, clinic_id, name=name, email=email, role=role),
    )
    async with context.database.work(clinic_id) as work:
        audit = staff_event(now, actor, "staff.invited", member.id)
        if not await staff_members.add(work, member, audit=audit):
            raise AddressTakenError("#/email")
        return await link_for(work, context, member, actor=actor, now=now)


async def invite_again(
    context: AppContext, clinic_id: UUID, staff_id: UUID, *, may_make: Collection[StaffRole], actor: Actor
) -> Invited:
    """Make a new link for somebody who has not joined yet; the ones before work no more.

    Raises:
        NotFoundError: the clinic has no such member.
        RoleNotYoursError: it is a key's doing, and the member may more than the key.
        JoinedAlreadyError, MemberDisabledError: there is nothing to join.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        member = await locked(work, staff_id)
        refuse_role({StaffRole(member.role)}, may_make)
        _refuse_disabled(member)
        if member.state == ACTIVE:
            raise JoinedAlreadyError
        return await link_for(work, context, member, actor=actor, now=now)


async def reset_second_factor(
    context: AppContext, clinic_id: UUID, staff_id: UUID, *, may_make: Collection[StaffRole], actor: Actor
) -> Invited:
    """Take password, second factor and recovery codes from a member and end all sessions; a link lets them anew.

    Raises:
        NotFoundError: the clinic has no such member.
        RoleNotYoursError: it is a key's doing, and the member may more than the key.
        MemberDisabledError: locked out is locked out.
        LastOwnerError: only the operator can do this to the last owner (`afterglow staff invite`).
    """
    async with context.database.work(clinic_id) as work:
        member, staff = await locked_with_all(work, staff_id)
        refuse_role({StaffRole(member.role)}, may_make)
        _refuse_disabled(member)
        refuse_without_owner(staff, staff_id)
        return await _reset(work, context, member, actor=actor)


async def invite_as_operator(
    context: AppContext, clinic_id: UUID, *, name: str, email: str, role: StaffRole, actor: Actor
) -> Invited:
    """Let somebody in whom nobody at the clinic can: the first owner, or one who lost everything.

    An address that the clinic knows keeps its name and role, and gets a reset.

    Raises:
        NotFoundError: there is no such clinic.
        MemberDisabledError: locked out is locked out.
    """
    async with context.database.work(clinic_id) as work:
        await clinic_in(work, context.vault)
        known = await staff_members.find_by_address(work, address_digest(context.vault, email))
        if known is not None:
            member = await locked(work, known.id)
            _refuse_disabled(member)
            return await _reset(work, context, member, actor=actor)
    return await invite(
        context, clinic_id, name=name, email=email, role=role, may_make=EVERY_ROLE, actor=actor
    )


async def _reset(work: UnitOfWork, context: AppContext, member: StaffMember, *, actor: Actor) -> Invited:
    now = context.clock.now()
    audit = staff_event(now, actor, "staff.second_factor_reset", member.id)
    await staff_members.change(
        work,
        member.id,
        audit=audit,
        state=INVITED,
        password_hash=None,
        totp_secret_sealed=None,
        totp_last_step=None,
        **UNLOCKED,
    )
    await recovery_codes.replace_all(work, member.id, (), audit=audit)
    await staff_sessions.end_all(work, member.id, now=now, audit=audit)
    return await link_for(work, context, member, actor=actor, now=now)


def _refuse_disabled(member: StaffMember) -> None:
    if member.state == DISABLED:
        raise MemberDisabledError


def _new_member(
    context: AppContext, clinic_id: UUID, *, name: str, email: str, role: StaffRole
) -> StaffMember:
    staff_id, vault = new_id(), context.vault
    return StaffMember(
        id=staff_id,
        role=role.value,
        state=INVITED,
        name_sealed=seal(vault, clinic_id, staff_id, "name", name),
        email_sealed=seal(vault, clinic_id, staff_id, "email", email),
        address_digest=address_digest(vault, email),
        password_hash=None,
        totp_secret_sealed=None,
        totp_last_step=None,
        sso_subject_digest=None,
        failed_tries=0,
        locked_until=None,
        invited_at=context.clock.now(),
        joined_at=None,
        version=1,
    )
