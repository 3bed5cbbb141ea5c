"""Signing in with a code: the page, also while it carries answers that were not sent yet."""

from collections.abc import Mapping

from app.pages.patient.check_in_form import NO_DRAFT
from app.pages.patient.page_route import SIGN_IN, render
from app.pages.patient.visitor import Visitor
from app.web.pages.answers import PageAnswer


def sign_in_page(
    visitor: Visitor,
    *,
    draft: Mapping[str, str] = NO_DRAFT,
    mistake: str = "",
    notice: str = "",
    status: int = 200,
    help_first: bool = False,
    clinic_notified: bool = False,
) -> PageAnswer:
    """Show where the code goes."""
    return render(
        visitor,
        "sign_in.html",
        here=SIGN_IN,
        status=status,
        help_first=help_first,
        clinic_notified=clinic_notified,
        draft=draft,
        mistake=mistake,
        notice=notice,
    )
