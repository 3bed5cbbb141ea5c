"""The team page, for owners: who works here, who is invited or deactivated, and what emergencies there were."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission, StaffRole
from app.access.staff import commands, queries
from app.access.staff.joining import Invited
from app.access.staff.members import Member
from app.access.staff.schemas import AwayEntry, MemberChange, MemberEntry
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.translations import say
from app.pages.staff.asked_form import entered_as, entry_of, mistakes_of, sentence_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import day_written, moment_and_ago
from app.web.headers import version_in
from app.web.pages.page_route import status_of

router = APIRouter(prefix="/care/staff", route_class=CarePageRoute, include_in_schema=False)
MayManageStaff = Annotated[StaffVisitor, staff_may(Permission.STAFF)]
STAFF: Final = "/care/staff"
_CALLS: Final[Mapping[str, Callable[[Work, UUID], Awaitable[object]]]] = {
    "deactivate": commands.deactivate,
    "unlock": commands.unlock,
    "test": commands.send_member_test,
}
_LINKS: Final = {"invite-again": commands.invite_again, "reset": commands.reset_second_factor}
ROLE_NAMES: Final[Mapping[StaffRole, str]] = {
    StaffRole.OWNER: say("Owner"),
    StaffRole.CLINICIAN: say("Clinician"),
    StaffRole.COORDINATOR: say("Coordinator"),
    StaffRole.READ_ONLY: say("Read only"),
}
_ROLES: Final[Mapping[StaffRole, str]] = {
    StaffRole.OWNER: say("Owner: everything, and the staff"),
    StaffRole.CLINICIAN: say("Clinician: decides about treatment, closes signals"),
    StaffRole.COORDINATOR: say("Coordinator: registers, records, acknowledges"),
    StaffRole.READ_ONLY: say("Read only: sees everything, changes nothing"),
}
_STATES: Final = {
    "invited": say("invited, has not joined yet"),
    "active": say("can sign in"),
    "disabled": "deactivated",
}
_DONE: Final = {
    "invited": say("The link is on its way by mail."),
    "role": say("The role is changed."),
    "deactivate": say("Deactivated. Every session has ended."),
    "unlock": say("Unlocked."),
    "away": say("Saved."),
    "test": say("A test message is on its way."),
}
_MOST_EMERGENCIES: Final = 50
_NOTHING: Final[Mapping[str, str]] = {}


@router.get("")
async def show_team(visitor: MayManageStaff) -> Response:
    """List the staff."""
    return await _page(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("")
async def invite(visitor: MayManageStaff) -> Response:
    """Invite someone."""
    form, caller = await read_own_form(visitor), visitor.signed_in

    async def change() -> Invited:
        whom = entered_as(MemberEntry, form, "name", "email", "role")
        return await commands.invite(
            visitor.work, name=whom.name, email=whom.email, role=whom.role, may_make=caller.may_make
        )

    return await visitor.go_on(change, to=partial(_link, visitor), again=_page, entered=form)


@router.post("/{staff_id}/role")
async def change_role(staff_id: UUID, visitor: MayManageStaff) -> Response:
    """Give a member another role."""
    form, caller = await read_own_form(visitor), visitor.signed_in

    async def change() -> None:
        await commands.change_member(
            visitor.work,
            staff_id,
            name=None,
            role=entered_as(MemberChange, form, "role").role,
            version=version_in(form["version"]),
            may_make=caller.may_make,
        )

    return await visitor.go_on(change, to=f"{STAFF}?done=role", again=_page)


@router.post("/{staff_id}/away")
async def set_away(staff_id: UUID, visitor: MayManageStaff) -> Response:
    """Note on which days a member is not at work; without a first day none."""
    form = await read_own_form(visitor)
    first, until = form["from"].strip(), form["until"].strip()

    async def change() -> None:
        away = entry_of(AwayEntry, {"from": first, "until": until or None}).away() if first else None
        await commands.set_away(visitor.work, staff_id, away, version=version_in(form["version"]))

    return await visitor.go_on(change, to=f"{STAFF}?done=away", again=_page)


@router.post("/{staff_id}/{what}")
async def do_to_member(staff_id: UUID, what: str, visitor: MayManageStaff) -> Response:
    """Deactivate a member, unlock one, or make a new link."""
    await read_own_form(visitor)
    if what not in _CALLS and what not in _LINKS:
        raise NotFoundError
    if what in _CALLS:
        return await visitor.go_on(
            lambda: _CALLS[what](visitor.work, staff_id), to=f"{STAFF}?done={what}", again=_page
        )
    return await visitor.go_on(
        lambda: _LINKS[what](visitor.work, staff_id, may_make=visitor.signed_in.may_make),
        to=partial(_link, visitor),
        again=_page,
    )


async def _link(visitor: StaffVisitor, invited: Invited) -> Response:
    """Say that the link is on its way, or show it, this once, where no mail can take it."""
    if invited.sent:
        return RedirectResponse(f"{STAFF}?done=invited", 303)
    return render(visitor, "invited.html", here=STAFF, invited=invited)


async def _page(
    visitor: StaffVisitor,
    *,
    done: str = "",
    entered: Mapping[str, str] = _NOTHING,
    error: RefusalError | None = None,
) -> Response:
    found, caller = await queries.list_members(visitor.work), visitor.signed_in
    return render(
        visitor,
        "team.html",
        here=STAFF,
        status=200 if error is None else status_of(error),
        members=[_row(visitor.context, one, own=one.id == caller.id) for one in found],
        emergencies=await _emergencies(visitor),
        roles=_ROLES,
        entered={name: entered.get(name, "") for name in ("name", "email", "role")},
        done=_DONE.get(done, ""),
        mistake=sentence_of(error),
        mistakes=mistakes_of(error),
    )


def _row(context: AppContext, member: Member, *, own: bool) -> dict[str, Any]:
    now = context.clock.now()
    is_locked = member.locked_until is not None and member.locked_until > now
    since = member.joined_at or member.invited_at
    return {
        "member": member,
        "own": own,
        "role": ROLE_NAMES[member.role],
        "state": _STATES[member.state],
        "since": moment_and_ago(since, now),
        "joined": member.joined_at is not None,
        "away": _away(member),
        "unreachable": moment_and_ago(member.unreachable_since, now) if member.unreachable_since else "",
        "locked": moment_and_ago(member.locked_until, now) if is_locked and member.locked_until else "",
    }


def _away(member: Member) -> str:
    if member.away is None:
        return ""
    until = (
        say(" until {day_written}", day_written=day_written(member.away.until))
        if member.away.until
        else say(", until further notice")
    )
    return say("Away from {day_written}{until}", day_written=day_written(member.away.first), until=until)


async def _emergencies(visitor: StaffVisitor) -> list[dict[str, Any]]:
    now = visitor.context.clock.now()
    if not visitor.signed_in.may(Permission.AUDIT):
        return []
    found = await queries.list_emergencies(visitor.work, before=None, limit=_MOST_EMERGENCIES)
    return [
        {
            "who": one.staff_name,
            "patient_id": one.patient_id,
            "reason": one.reason,
            "opened": moment_and_ago(one.opened_at, now),
            "is_open": one.ends_at > now,
        }
        for one in found
    ]
