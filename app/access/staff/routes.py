"""The clinic's staff: invited, changed, deactivated, unlocked."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import MayManageStaff, work_for
from app.access.clinics.permissions import Permission
from app.access.staff import commands, queries
from app.access.staff.invitations import Invited
from app.access.staff.members import Member
from app.access.staff.schemas import InvitedReply, MemberChange, MemberEntry, MemberList, MemberReply
from app.context import Work
from app.web.dependencies import IfMatch
from app.web.etags import etag_of, version_in

router = APIRouter(prefix="/v1/staff", tags=["staff"])
ManagingStaff = Annotated[Work, work_for(Permission.STAFF)]


@router.post("", status_code=201, summary="Invite someone")
async def invite_member(
    body: MemberEntry, work: ManagingStaff, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """Invite someone to the staff; the link goes by mail too, works once, and for seven days."""
    invited = await commands.invite(
        work, name=body.name, email=body.email, role=body.role, may_make=caller.may_make
    )
    return _invited(response, invited)


@router.get("", summary="List the staff")
async def list_members(work: ManagingStaff) -> MemberList:
    """List the staff, in the order in which they were invited, also the deactivated."""
    return MemberList.of(await queries.list_members(work))


@router.get("/{staff_id}", summary="Read a member")
async def read_member(staff_id: UUID, work: ManagingStaff, response: Response) -> MemberReply:
    """Give a member, with an ETag for changing one."""
    return _member(response, await queries.read_member(work, staff_id))


@router.patch("/{staff_id}", summary="Change a member")
async def change_member(
    staff_id: UUID,
    body: MemberChange,
    work: ManagingStaff,
    caller: MayManageStaff,
    response: Response,
    if_match: IfMatch = None,
) -> MemberReply:
    """Change name or role; needs If-Match. The last active owner stays one."""
    member = await commands.change_member(
        work,
        staff_id,
        name=body.name,
        role=body.role,
        version=version_in(if_match),
        may_make=caller.may_make,
    )
    return _member(response, member)


@router.post("/{staff_id}/disable", summary="Deactivate a member")
async def disable_member(staff_id: UUID, work: ManagingStaff, response: Response) -> MemberReply:
    """Deactivate a member at once, sessions and links too; never the last active owner."""
    return _member(response, await commands.deactivate(work, staff_id))


@router.post("/{staff_id}/enable", summary="Unlock a member")
async def enable_member(staff_id: UUID, work: ManagingStaff, response: Response) -> MemberReply:
    """Let a member sign in again who was deactivated, or locked by wrong attempts."""
    return _member(response, await commands.unlock(work, staff_id))


@router.post("/{staff_id}/invite-again", summary="Make a new invitation")
async def invite_member_again(
    staff_id: UUID, work: ManagingStaff, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """Make a new link for someone who has not joined yet; the ones before work no more."""
    return _invited(response, await commands.invite_again(work, staff_id, may_make=caller.may_make))


@router.post("/{staff_id}/reset-second-factor", summary="Reset a member's second factor")
async def reset_second_factor(
    staff_id: UUID, work: ManagingStaff, caller: MayManageStaff, response: Response
) -> InvitedReply:
    """End all sessions of a member who lost the phone; the link in the reply sets up a new password and phone."""
    return _invited(response, await commands.reset_second_factor(work, staff_id, may_make=caller.may_make))


def _member(response: Response, member: Member) -> MemberReply:
    response.headers["etag"] = etag_of(member.version)
    return MemberReply.of(member)


def _invited(response: Response, invited: Invited) -> InvitedReply:
    response.headers["etag"] = etag_of(invited.member.version)
    return InvitedReply.of_invited(invited)
