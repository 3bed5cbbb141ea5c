"""The staff page, for owners: who works here, who is invited, who was locked out; and what emergencies there were."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.access.staff import inviting, members
from app.access.staff.invitations import Invited
from app.context import AppContext
from app.foundation.errors import NotFoundError, RefusalError
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.staff_page import STAFF, role_in, staff_page, whom_in
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.dependencies import ContextNeeded
from app.web.etags import version_in

router = APIRouter(prefix="/care/staff", route_class=CarePageRoute, include_in_schema=False)
MayManageStaff = Annotated[StaffVisitor, staff_may(Permission.STAFF)]
_CALLS: Final = {"disable": members.disable, "enable": members.enable}
_LINKS: Final = {"invite-again": inviting.invite_again, "reset": inviting.reset_second_factor}


@router.get("")
async def show_staff(request: Request, context: ContextNeeded, visitor: MayManageStaff) -> Response:
    """List the staff."""
    return await staff_page(context, visitor, told=request.query_params.get("told", ""))


@router.post("")
async def invite(request: Request, context: ContextNeeded, visitor: MayManageStaff) -> Response:
    """Invite somebody."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    try:
        whom = whom_in(form)
        invited = await inviting.invite(
            context,
            caller.clinic_id,
            name=whom.name,
            email=whom.email,
            role=whom.role,
            may_make=caller.may_make,
            actor=caller.actor,
        )
    except RefusalError as error:
        return await staff_page(context, visitor, entered=form, error=error)
    return _link(context, visitor, invited)


@router.post("/{staff_id}/role")
async def change_role(
    staff_id: UUID, request: Request, context: ContextNeeded, visitor: MayManageStaff
) -> Response:
    """Give a member another role."""
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    try:
        await members.change_member(
            context,
            caller.clinic_id,
            staff_id,
            name=None,
            role=role_in(form),
            version=version_in(form["version"]),
            may_make=caller.may_make,
            actor=caller.actor,
        )
    except RefusalError as error:
        return await staff_page(context, visitor, error=error)
    return _told("role")


@router.post("/{staff_id}/{what}")
async def do_to_member(
    staff_id: UUID, what: str, request: Request, context: ContextNeeded, visitor: MayManageStaff
) -> Response:
    """Lock a member out, let one in, or make a new link."""
    await read_own_form(request, context, visitor)
    caller = visitor.signed_in
    if what not in _CALLS and what not in _LINKS:
        raise NotFoundError
    try:
        if what in _CALLS:
            await _CALLS[what](context, caller.clinic_id, staff_id, actor=caller.actor)
            return _told(what)
        invited = await _LINKS[what](
            context, caller.clinic_id, staff_id, may_make=caller.may_make, actor=caller.actor
        )
    except RefusalError as error:
        return await staff_page(context, visitor, error=error)
    return _link(context, visitor, invited)


def _told(what: str) -> Response:
    return RedirectResponse(f"{STAFF}?told={what}", 303)


def _link(context: AppContext, visitor: StaffVisitor, invited: Invited) -> Response:
    """Say that the link is on its way, or show it, this once, where no mail can take it."""
    if invited.sent:
        return _told("invited")
    return render(context, visitor, "invited.html", here=STAFF, invited=invited)
