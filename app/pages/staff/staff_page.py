"""The staff page's values: every member with what can be done, and the emergencies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from app.access.clinics.permissions import Permission, StaffRole
from app.access.staff import emergencies, members
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.when import moment_and_ago
from app.web.pages.page_route import status_of
from app.web.schemas import EmailAddress, Name

STAFF: Final = "/care/staff"
ROLES: Final[Mapping[StaffRole, str]] = {
    StaffRole.OWNER: "Owner: everything, and the staff",
    StaffRole.CLINICIAN: "Clinician: decides about treatment, closes signals",
    StaffRole.COORDINATOR: "Coordinator: registers, records, acknowledges",
    StaffRole.READ_ONLY: "Read only: sees everything, changes nothing",
}
_STATES: Final = {"invited": "invited, has not joined yet", "active": "can sign in", "disabled": "locked out"}
_TOLD: Final = {
    "invited": "The link is on its way by mail.",
    "role": "The role is changed.",
    "disable": "Locked out. Every session has ended.",
    "enable": "Let in again.",
}
_MOST_EMERGENCIES: Final = 50
_NOTHING: Final[Mapping[str, str]] = {}


class NameMissingError(RefusalError):
    """A name is missing; it has at most 200 characters."""

    code = "name-missing"


class AddressNotUsableError(RefusalError):
    """This is no e-mail address that every mail server takes."""

    code = "address-not-usable"


class RoleMissingError(RefusalError):
    """Choose one of the four roles."""

    code = "role-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Somebody to invite, as entered."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    role: StaffRole


def whom_in(form: Mapping[str, str]) -> Whom:
    """Read whom to invite.

    Raises:
        NameMissingError, AddressNotUsableError, RoleMissingError: as they say.
    """
    name, email = form["name"].strip(), form["email"].strip()
    if not _fits(Name, name):
        raise NameMissingError("#/name")
    if not _fits(EmailAddress, email):
        raise AddressNotUsableError("#/email")
    return Whom(name=name, email=email, role=role_in(form))


def role_in(form: Mapping[str, str]) -> StaffRole:
    """Read a role.

    Raises:
        RoleMissingError: it is none.
    """
    if form["role"] not in set(StaffRole):
        raise RoleMissingError("#/role")
    return StaffRole(form["role"])


async def staff_page(
    context: AppContext,
    visitor: StaffVisitor,
    *,
    told: str = "",
    entered: Mapping[str, str] = _NOTHING,
    error: RefusalError | None = None,
) -> Response:
    """Make the page."""
    caller = visitor.signed_in
    found = await members.list_members(context, caller.clinic_id)
    return render(
        context,
        visitor,
        "staff.html",
        here=STAFF,
        status=200 if error is None else status_of(error),
        members=[_row(context, one, own=one.id == caller.id) for one in found],
        emergencies=await _emergencies(context, visitor),
        roles=ROLES,
        entered={name: entered.get(name, "") for name in ("name", "email", "role")},
        told=_TOLD.get(told, ""),
        mistake="" if error is None else str(error),
        wrong=error.pointer if error is not None else "",
    )


def _row(context: AppContext, member: members.Member, *, own: bool) -> dict[str, Any]:
    now = context.clock.now()
    is_locked = member.locked_until is not None and member.locked_until > now
    since = member.joined_at or member.invited_at
    return {
        "member": member,
        "own": own,
        "role": ROLES[member.role].partition(":")[0],
        "state": _STATES[member.state],
        "since": moment_and_ago(since, now),
        "joined": member.joined_at is not None,
        "locked": moment_and_ago(member.locked_until, now) if is_locked and member.locked_until else "",
    }


async def _emergencies(context: AppContext, visitor: StaffVisitor) -> list[dict[str, Any]]:
    caller, now = visitor.signed_in, context.clock.now()
    if not caller.may(Permission.AUDIT):
        return []
    found = await emergencies.list_emergencies(
        context, caller.clinic_id, before=None, limit=_MOST_EMERGENCIES, actor=caller.actor
    )
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


def _fits(kind: Any, text: str) -> bool:  # noqa: ANN401 - an annotated type, as Pydantic takes it
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True
