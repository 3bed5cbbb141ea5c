"""Signing in and out, for programs that act for a member of the staff."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security

from app.access.clinics.access import STAFF_SESSION
from app.access.clinics.caller import ClinicCaller, find_caller
from app.access.staff import account, signing_in
from app.access.staff.schemas import SignInEntry, StaffSessionReply
from app.context import Work
from app.foundation.tokens import TokenKind
from app.web.dependencies import ContextNeeded, address_of, bearer_token

router = APIRouter(prefix="/v1/staff-sessions", tags=["staff"])


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


@router.post("", status_code=201, summary="Sign a member in")
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


@router.delete("/current", status_code=204, summary="Sign out")
async def sign_out(work: OwnWork, caller: MemberSignedIn) -> None:
    """End the session that this request carries."""
    await account.sign_out(work, caller.signed_in)
