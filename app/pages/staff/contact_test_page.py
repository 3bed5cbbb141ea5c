"""What the link of a test message opens: one button, and whoever presses it can be reached."""

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics import contact_tests
from app.foundation.translations import say
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render, render_dead_link
from app.pages.staff.visitor import AnyStaff, read_own_form

router = APIRouter(prefix="/care/contact-test", route_class=CarePageRoute, include_in_schema=False)
_DEAD_LINK = (contact_tests.ContactTestNotKnownError, contact_tests.ContactTestExpiredError)


@router.get("/{token}")
async def show_test(token: str, visitor: AnyStaff) -> Response:
    """Show whose test it is. Looking answers nothing: mail scanners follow links."""
    try:
        clinic = await contact_tests.look_at(visitor.context, token)
    except _DEAD_LINK as error:
        return render_dead_link(visitor, error)
    return render(visitor, "contact_test.html", here=f"/care/contact-test/{token}", clinic=clinic)


@router.post("/{token}")
async def answer_test(token: str, visitor: AnyStaff) -> Response:
    """Answer it."""
    await read_own_form(visitor)
    try:
        await contact_tests.answer(visitor.context, token)
    except _DEAD_LINK as error:
        return render_dead_link(visitor, error)
    return render(
        visitor,
        "message.html",
        here="",
        title=say("Thank you"),
        sentence=say("Messages reach you. Your clinic can see that, and nothing else is asked of you now."),
    )
