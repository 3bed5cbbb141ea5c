"""Inviting staff, changing, deactivating and unlocking them. A link works once, and a GET never spends it."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from app.access.clinics.contact_tests import ShownTest, SuccessorNotTestedError, has_answered, send_test
from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import clinic_in
from app.access.staff.joining import Invited, link_for
from app.access.staff.members import (
    ACTIVE,
    DISABLED,
    INVITED,
    UNLOCKED,
    Away,
    Member,
    address_digest,
    locked,
    locked_with_all,
    refuse_role,
    refuse_without_owner,
    seal,
    shown,
)
from app.access.staff.queries import read_member
from app.context import Work
from app.foundation.addresses import email_key
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import staff_invitations, staff_members, staff_passkeys, staff_sessions, staff_sign_ins
from app.storage.staff_members import StaffMember
from app.web.headers import ChangedMeanwhileError

EVERY_ROLE = frozenset(StaffRole)


class AddressTakenError(RefusalError):
    """A member of this clinic's staff has this address already; invite again, or reset the second factor."""

    kind = RefusalKind.CONFLICT
    code = "address-taken"


class JoinedAlreadyError(RefusalError):
    """This member has joined already and can sign in; a lost phone needs a reset of the second factor."""

    kind = RefusalKind.CONFLICT
    code = "joined-already"


class ClinicContactError(RefusalError):
    """This member is the clinic's safety contact or second contact.

    Name another in the clinic's settings first, who has answered a test message.
    """

    kind = RefusalKind.CONFLICT
    code = "clinic-contact"


class AwayDaysError(RefusalError):
    """The last day lies before the first."""

    code = "away-days"


class MemberDisabledError(RefusalError):
    """This member is deactivated; unlock them first."""

    kind = RefusalKind.CONFLICT
    code = "member-disabled"


async def invite(
    work: Work, *, name: str, email: str, role: StaffRole, may_make: Collection[StaffRole]
) -> Invited:
    """Invite someone to the clinic's staff.

    Raises:
        RoleNotYoursError: it is a key's doing, and the role may more than the key.
        AddressTakenError: the clinic has a member with this address.
    """
    refuse_role({role}, may_make)
    member = _new_member(work, name=name, email=email, role=role)
    if not await staff_members.add(work, member):
        raise AddressTakenError("#/email")
    work.audit("staff.invited", "staff", member.id)
    return await link_for(work, member)


async def invite_again(work: Work, staff_id: UUID, *, may_make: Collection[StaffRole]) -> Invited:
    """Make a new link for someone who has not joined yet; the ones before work no more.

    Raises:
        NotFoundError: the clinic has no such member.
        RoleNotYoursError: it is a key's doing, and the member may more than the key.
        JoinedAlreadyError, MemberDisabledError: there is nothing to join.
    """
    member = await locked(work, staff_id)
    refuse_role({StaffRole(member.role)}, may_make)
    _refuse_disabled(member)
    if member.state == ACTIVE:
        raise JoinedAlreadyError
    return await link_for(work, member)


async def reset_second_factor(work: Work, staff_id: UUID, *, may_make: Collection[StaffRole]) -> Invited:
    """Take password, second factor and recovery codes from a member and end all sessions; a link sets up new ones.

    Raises:
        NotFoundError: the clinic has no such member.
        RoleNotYoursError: it is a key's doing, and the member may more than the key.
        MemberDisabledError: a deactivated member stays so.
        LastOwnerError: only the operator can do this to the last owner (`afterglow staff invite`).
    """
    member, staff = await locked_with_all(work, staff_id)
    refuse_role({StaffRole(member.role)}, may_make)
    _refuse_disabled(member)
    refuse_without_owner(staff, staff_id)
    return await _reset(work, member)


async def invite_as_operator(work: Work, *, name: str, email: str, role: StaffRole) -> Invited:
    """Invite someone whom nobody at the clinic can: the first owner, or one who lost everything.

    An address that the clinic knows keeps its name and role, and gets a reset.

    Raises:
        NotFoundError: there is no such clinic.
        MemberDisabledError: a deactivated member stays so.
    """
    await clinic_in(work)
    known = await staff_members.find_by_address(work, address_digest(work.vault, email))
    if known is None:
        return await invite(work, name=name, email=email, role=role, may_make=EVERY_ROLE)
    member = await locked(work, known.id)
    _refuse_disabled(member)
    return await _reset(work, member)


async def change_member(
    work: Work,
    staff_id: UUID,
    *,
    name: str | None,
    role: StaffRole | None,
    version: int,
    may_make: Collection[StaffRole],
) -> Member:
    """Change a member's name or role; what is None stays. A new role counts from the member's next request on.

    Raises:
        NotFoundError: the clinic has no such member.
        ChangedMeanwhileError: the version is not the current one.
        RoleNotYoursError: it is a key's doing, and the role may more than the key.
        LastOwnerError: nobody could manage the staff afterwards.
        SuccessorNotTestedError: no owner who stays has answered a test message, in a live clinic.
    """
    changes = dict[str, Any]()
    member, staff = await locked_with_all(work, staff_id)
    if member.version != version:
        raise ChangedMeanwhileError("header/if-match")
    if role is not None and role != member.role:
        refuse_role({role, StaffRole(member.role)}, may_make)
        refuse_without_owner(staff, staff_id)
        if StaffRole(member.role) is StaffRole.OWNER:
            await _refuse_without_tested_owner(work, member, staff)
        changes["role"] = role.value
    if name is not None:
        changes["name_sealed"] = seal(work.vault, work.clinic_id, staff_id, "name", name)
    await staff_members.change(work, staff_id, **changes)
    work.audit("staff.changed", "staff", staff_id)
    return await read_member(work, staff_id)


async def deactivate(work: Work, staff_id: UUID) -> Member:
    """Deactivate a member at once: sessions and links end. A second time changes nothing.

    Raises:
        NotFoundError: the clinic has no such member.
        LastOwnerError: nobody could manage the staff afterwards.
        SuccessorNotTestedError: no owner who stays has answered a test message, in a live clinic.
        ClinicContactError: the member is a live clinic's safety contact or second contact.
    """
    member, staff = await locked_with_all(work, staff_id)
    if member.state != DISABLED:
        refuse_without_owner(staff, staff_id)
        await _refuse_without_successor(work, member, staff)
        await staff_members.change(work, staff_id, state=DISABLED)
        await staff_sessions.end_all(work, staff_id, now=work.real_now)
        await staff_invitations.end_all(work, staff_id, now=work.real_now)
        await staff_sign_ins.forget_all(work, staff_id)
        work.audit("staff.disabled", "staff", staff_id)
    return await read_member(work, staff_id)


async def set_away(work: Work, staff_id: UUID, away: Away | None, *, version: int | None = None) -> Member:
    """Note the days on which a member is not at work; None: none. Meanwhile it is for the clinic.

    Raises:
        NotFoundError: the clinic has no such member.
        ChangedMeanwhileError: the version is not the current one.
        AwayDaysError: the last day lies before the first.
    """
    member = await locked(work, staff_id)
    if version is not None and member.version != version:
        raise ChangedMeanwhileError("header/if-match")
    if away is not None and away.until is not None and away.until < away.first:
        raise AwayDaysError("#/until")
    first, until = (away.first, away.until) if away else (None, None)
    await staff_members.change(work, staff_id, away_from=first, away_until=until)
    work.audit("staff.away" if away else "staff.back", "staff", staff_id)
    return await read_member(work, staff_id)


async def send_member_test(work: Work, staff_id: UUID) -> ShownTest:
    """Send a member a test message.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    return await send_test(work, shown(work, await locked(work, staff_id)).email)


async def _refuse_without_successor(work: Work, member: StaffMember, staff: Sequence[StaffMember]) -> None:
    """Refuse to deactivate a live clinic's contact, or an owner without another who can be reached."""
    clinic = await clinic_in(work)
    if clinic.mode != "live":
        return
    if StaffRole(member.role) is StaffRole.OWNER and member.state == ACTIVE:
        await _refuse_without_tested_owner(work, member, staff)
    address = email_key(shown(work, member).email)
    if any(email_key(one.email) == address for one in clinic.contacts.values()):
        raise ClinicContactError


async def _refuse_without_tested_owner(work: Work, member: StaffMember, staff: Sequence[StaffMember]) -> None:
    if (await clinic_in(work)).mode != "live":
        return
    for one in staff:
        if one.id == member.id or one.role != StaffRole.OWNER or one.state != ACTIVE:
            continue
        if await has_answered(work, shown(work, one).email):
            return
    raise SuccessorNotTestedError


async def unlock(work: Work, staff_id: UUID) -> Member:
    """Let a member sign in again, and forget wrong attempts; who never joined needs a new invitation.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    member = await locked(work, staff_id)
    changes: dict[str, Any] = dict(UNLOCKED)
    if member.state == DISABLED:
        changes["state"] = INVITED if member.password_hash is None else ACTIVE
    await staff_members.change(work, staff_id, **changes)
    await staff_sign_ins.forget(work, staff_id)
    work.audit("staff.enabled", "staff", staff_id)
    return await read_member(work, staff_id)


async def _reset(work: Work, member: StaffMember) -> Invited:
    await staff_members.change(
        work,
        member.id,
        state=INVITED,
        password_hash=None,
        totp_secret_sealed=None,
        totp_last_step=None,
        **UNLOCKED,
    )
    await staff_sign_ins.replace_all(work, member.id, ())
    await staff_sign_ins.forget(work, member.id)
    await staff_sign_ins.forget_all(work, member.id)
    await staff_passkeys.remove(work, member.id)
    await staff_sessions.end_all(work, member.id, now=work.real_now)
    work.audit("staff.second_factor_reset", "staff", member.id)
    return await link_for(work, member)


def _refuse_disabled(member: StaffMember) -> None:
    if member.state == DISABLED:
        raise MemberDisabledError


def _new_member(work: Work, *, name: str, email: str, role: StaffRole) -> StaffMember:
    staff_id, vault = new_id(), work.vault
    return StaffMember(
        id=staff_id,
        role=role.value,
        state=INVITED,
        name_sealed=seal(vault, work.clinic_id, staff_id, "name", name),
        email_sealed=seal(vault, work.clinic_id, staff_id, "email", email),
        address_digest=address_digest(vault, email),
        password_hash=None,
        totp_secret_sealed=None,
        totp_last_step=None,
        sso_subject_digest=None,
        failed_tries=0,
        locked_until=None,
        invited_at=work.real_now,
        joined_at=None,
        version=1,
    )
