"""The clinic's staff: invited, changed, locked out."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import MayManageStaff
from app.access.staff import inviting, members
from app.access.staff.invitation_links import Invited
from app.access.staff.members import Member
from app.access.staff.schemas import InvitedReply, MemberChange, MemberEntry, MemberList, MemberReply
from app.web.dependencies import ContextNeeded, IfMatch
from app.web.etags import etag_of, version_in

router = APIRouter(prefix="/v1/staff", tags=["staff"])


@router.post("", status_code=201, summary="Invite somebody")
async def invite_member(
    body: MemberEntry, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """Invite somebody to the staff; the link goes by mail too, works once, and for seven days."""
    invited = await inviting.invite(
        context,
        caller.clinic_id,
        name=body.name,
        email=body.email,
        role=body.role,
        may_make=caller.may_make,
        actor=caller.actor,
    )
    return _invited(response, invited)


@router.get("", summary="List the staff")
async def list_members(context: ContextNeeded, caller: MayManageStaff) -> MemberList:
    """List the staff, in the order in which they were invited, also those locked out."""
    return MemberList.of(await members.list_members(context, caller.clinic_id))


@router.get("/{staff_id}", summary="Read a member")
async def read_member(
    staff_id: UUID, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> MemberReply:
    """Give a member, with an ETag for changing one."""
    return _member(response, await members.read_member(context, caller.clinic_id, staff_id))


@router.patch("/{staff_id}", summary="Change a member")
async def change_member(
    staff_id: UUID,
    body: MemberChange,
    context: ContextNeeded,
    caller: MayManageStaff,
    response: Response,
    if_match: IfMatch = None,
) -> MemberReply:
    """Change name or role; needs If-Match. The last active owner stays one."""
    member = await members.change_member(
        context,
        caller.clinic_id,
        staff_id,
        name=body.name,
        role=body.role,
        version=version_in(if_match),
        may_make=caller.may_make,
        actor=caller.actor,
    )
    return _member(response, member)


@router.post("/{staff_id}/disable", summary="Lock a member out")
async def disable_member(
    staff_id: UUID, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> MemberReply:
    """Lock a member out at once, sessions and links too; never the last active owner."""
    return _member(response, await members.disable(context, caller.clinic_id, staff_id, actor=caller.actor))


@router.post("/{staff_id}/enable", summary="Let a member in again")
async def enable_member(
    staff_id: UUID, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> MemberReply:
    """Let a member in again who was locked out, by somebody or by wrong tries."""
    return _member(response, await members.enable(context, caller.clinic_id, staff_id, actor=caller.actor))


@router.post("/{staff_id}/invite-again", summary="Make a new invitation")
async def invite_member_again(
    staff_id: UUID, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """Make a new link for somebody who has not joined yet; the ones before work no more."""
    invited = await inviting.invite_again(
        context, caller.clinic_id, staff_id, may_make=caller.may_make, actor=caller.actor
    )
    return _invited(response, invited)


@router.post("/{staff_id}/reset-second-factor", summary="Reset a member's second factor")
async def reset_second_factor(
    staff_id: UUID, context: ContextNeeded, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """End all sessions of a member who lost the phone; the link in the reply sets up password and phone anew."""
    invited = await inviting.reset_second_factor(
        context, caller.clinic_id, staff_id, may_make=caller.may_make, actor=caller.actor
    )
    return _invited(response, invited)


def _member(response: Response, member: Member) -> MemberReply:
    response.headers["etag"] = etag_of(member.version)
    return MemberReply.of(member)


def _invited(response: Response, invited: Invited) -> InvitedReply:
    response.headers["etag"] = etag_of(invited.member.version)
    return InvitedReply.of_invited(invited)
