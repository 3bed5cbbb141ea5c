"""Joining by a link: password, phone, one code; then ten recovery codes, shown once."""

from fastapi import APIRouter
from starlette.responses import Response

from app.access.staff import joining
from app.access.staff.joining import (
    InvitationExpiredError,
    InvitationNotKnownError,
    InvitationUsedError,
    SeenInvitation,
)
from app.access.staff.passwords import SHORTEST
from app.foundation.errors import RefusalError
from app.pages.staff.account_page import SetUp, new_set_up, same_set_up
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render, render_dead_link
from app.pages.staff.sign_in_page import end_session_here
from app.pages.staff.visitor import AnyStaff, StaffVisitor, read_own_form
from app.web.pages.page_route import status_of

router = APIRouter(prefix="/care/join", route_class=CarePageRoute, include_in_schema=False)
_DEAD_LINK = (InvitationNotKnownError, InvitationExpiredError, InvitationUsedError)


@router.get("/{token}")
async def show_invitation(token: str, visitor: AnyStaff) -> Response:
    """Show what joining takes. Looking spends nothing: mail scanners follow links."""
    try:
        seen = await joining.look_at(visitor.context, token)
    except _DEAD_LINK as error:
        return render_dead_link(visitor, error)
    set_up = new_set_up(visitor.context, seen.clinic_id, seen.staff_id, seen.email)
    return _form(visitor, token, seen, set_up)


@router.post("/{token}")
async def join(token: str, visitor: AnyStaff) -> Response:
    """Spend the link, and show the recovery codes; or show what was wrong, with the same picture."""
    form = await read_own_form(visitor)
    try:
        joined = await joining.join(
            visitor.context, token, password=form["password"], set_up=form["set_up"], code=form["code"]
        )
    except _DEAD_LINK as error:
        return render_dead_link(visitor, error)
    except RefusalError as error:
        seen = await joining.look_at(visitor.context, token)
        set_up = same_set_up(visitor.context, seen.clinic_id, seen.staff_id, seen.email, form["set_up"])
        return _form(visitor, token, seen, set_up, error=error)
    await end_session_here(visitor)
    answer = render(visitor, "recovery_codes.html", here="", codes=joined.recovery_codes, joined=True)
    visitor.sign_in_with(answer, joined.session)
    return answer


def _form(
    visitor: StaffVisitor,
    token: str,
    seen: SeenInvitation,
    set_up: SetUp,
    *,
    error: RefusalError | None = None,
) -> Response:
    return render(
        visitor,
        "join.html",
        here=f"/care/join/{token}",
        status=200 if error is None else status_of(error),
        seen=seen,
        set_up=set_up,
        shortest=SHORTEST,
        mistake="" if error is None else error.message(),
        wrong=error.pointer if error is not None else "",
    )
