"""The sign-in form as it is shown, and the form that was kept through signing in."""

from starlette.responses import Response

from app.access.staff import passkeys
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.kept_form import SIGN_IN, KeptForm, Onward
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor
from app.web.pages.answers import PageAnswer
from app.web.pages.page_route import status_of


def sign_in_form(
    context: AppContext,
    visitor: StaffVisitor,
    onward: Onward,
    *,
    email: str = "",
    out: bool = False,
    error: RefusalError | None = None,
    status: int = 200,
) -> Response:
    """Show the form, with what is wrong in it; a form that was kept goes along."""
    answer = render(
        context,
        visitor,
        "sign_in.html",
        here=SIGN_IN,
        status=status if error is None else status_of(error),
        onward=onward,
        email=email,
        out=out,
        passkey=passkeys.challenge_to_sign_in(context),
        mistake="" if error is None else error.message(),
    )
    if error is not None and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


def kept_page(
    context: AppContext,
    visitor: StaffVisitor,
    kept: KeptForm,
    *,
    title: str,
    sentence: str,
    status: int = 200,
) -> PageAnswer:
    """Show what was typed, with one button that sends it as it was."""
    return render(
        context, visitor, "kept_form.html", here="", status=status, kept=kept, title=title, sentence=sentence
    )
