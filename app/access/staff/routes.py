"""The clinic's staff: members, signing in for programs, and patients opened in an emergency."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, Security

from app.access.clinics.access import (
    STAFF_SESSION,
    ClinicRoute,
    MayManageStaff,
    MayOpenInEmergency,
    staff_work_for,
    work_for,
)
from app.access.clinics.caller import ClinicCaller, find_caller
from app.access.clinics.permissions import Permission
from app.access.staff import account, commands, emergencies, queries, signing_in
from app.access.staff.joining import Invited
from app.access.staff.members import Member
from app.access.staff.schemas import (
    AwayEntry,
    EmergencyEntry,
    EmergencyList,
    InvitedReply,
    MemberChange,
    MemberEntry,
    MemberList,
    MemberReply,
    OpenedReply,
    SignInEntry,
    StaffSessionReply,
)
from app.context import Work
from app.foundation.tokens import TokenKind
from app.web.dependencies import ContextNeeded, IfMatch, PageAsked, address_of, bearer_token
from app.web.headers import version_if_sent, version_in, with_etag

router = APIRouter(prefix="/v1/staff", tags=["staff"], route_class=ClinicRoute)
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


@router.put("/{staff_id}/away", summary="Note that a member is away")
async def set_member_away(
    staff_id: UUID, body: AwayEntry, work: ManagingStaff, response: Response, if_match: IfMatch = None
) -> MemberReply:
    """Note the days on which a member is not at work: of their patients the whole clinic is notified then."""
    member = await commands.set_away(work, staff_id, body.away(), version=version_if_sent(if_match))
    return _member(response, member)


@router.delete("/{staff_id}/away", summary="Note that a member is back")
async def clear_member_away(staff_id: UUID, work: ManagingStaff, response: Response) -> MemberReply:
    """Take back that a member is away."""
    return _member(response, await commands.set_away(work, staff_id, None))


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
    return with_etag(response, member.version, MemberReply.of(member))


def _invited(response: Response, invited: Invited) -> InvitedReply:
    return with_etag(response, invited.member.version, InvitedReply.of_invited(invited))


session_router = APIRouter(prefix="/v1/staff-sessions", tags=["staff"])


async def member_signed_in(
    request: Request, context: ContextNeeded, _session: Annotated[object, Security(STAFF_SESSION)]
) -> ClinicCaller:
    """Find whose session this is, whatever the member may do."""
    return await find_caller(context, bearer_token(request), TokenKind.STAFF_SESSION)


# A test walks every route and reads here who may.
member_signed_in.afterglow_access = "the member's own session"  # type: ignore[attr-defined] # functions take attributes

MemberSignedIn = Annotated[ClinicCaller, Depends(member_signed_in)]


async def _own_work(context: ContextNeeded, caller: MemberSignedIn) -> AsyncIterator[Work]:
    async with context.work(caller.clinic_id, actor=caller.actor) as work:
        yield work


OwnWork = Annotated[Work, Depends(_own_work, scope="function")]


@session_router.post("", status_code=201, summary="Sign a member in")
async def sign_in(body: SignInEntry, request: Request, context: ContextNeeded) -> StaffSessionReply:
    """Exchange address, password and code for a session. Whatever is wrong, the answer is the same."""
    proofs = await signing_in.prove(
        context,
        email=body.email,
        password=body.password,
        code=body.code,
        clinic_id=body.clinic_id,
        address=address_of(request),
        device_token=body.device_token,
    )
    proof = signing_in.only_one(proofs)
    return StaffSessionReply.of(
        await signing_in.open_session_for(context, proof, device_token=body.device_token)
    )


@session_router.delete("/current", status_code=204, summary="Sign out")
async def sign_out(work: OwnWork, caller: MemberSignedIn) -> None:
    """End the session that this request carries."""
    await account.sign_out(work, caller.signed_in)


emergency_router = APIRouter(
    prefix="/v1/patients/{patient_id}/emergency-access", tags=["staff"], route_class=ClinicRoute
)
list_router = APIRouter(prefix="/v1/emergency-accesses", tags=["staff"])


@emergency_router.post("", status_code=201, summary="Open a patient in an emergency")
async def open_in_emergency(
    patient_id: UUID,
    body: EmergencyEntry,
    work: Annotated[Work, staff_work_for(Permission.EMERGENCY)],
    caller: MayOpenInEmergency,
) -> OpenedReply:
    """Open a patient for an hour to the member who asks, with a reason; every owner is notified."""
    access = await emergencies.open_patient(work, patient_id, reason=body.reason, staff_id=caller.id)
    return OpenedReply.of(access)


@list_router.get("", summary="List emergency accesses")
async def list_emergency_accesses(
    work: Annotated[Work, work_for(Permission.AUDIT)], page: PageAsked
) -> EmergencyList:
    """List who opened whom, when and why, newest first."""
    found = await queries.list_emergencies(work, before=page.after, limit=page.limit)
    page.link_after([one.id for one in found])
    return EmergencyList.of_all(found)
