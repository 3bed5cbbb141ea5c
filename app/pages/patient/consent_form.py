"""Consent: the text before the first check-in, the person's answer, and the way back."""

from collections.abc import Mapping
from typing import Final

from app.care.patients.consent_status import ConsentStatus
from app.foundation.translations import say
from app.notifications.messages.consent_text import consent_text
from app.pages.patient.check_in_form import NO_DRAFT
from app.pages.patient.page_route import render
from app.pages.patient.visitor import Visitor
from app.web.pages.answers import PageAnswer

ASK_FIRST: Final = "/p/consent"


def must_answer_first(visitor: Visitor) -> bool:
    """Whether the consent text comes before anything else: never answered, changed since, or taken back."""
    return visitor.signed_in.consent is not ConsentStatus.GIVEN


def consent_page(
    visitor: Visitor, *, draft: Mapping[str, str] = NO_DRAFT, notice: str = "", status: int = 200
) -> PageAnswer:
    """Show the current text."""
    withdrawn = visitor.signed_in.consent is ConsentStatus.WITHDRAWN
    if withdrawn and not notice:
        notice = say("You have withdrawn your consent. No answers are taken any more.")
    return render(
        visitor,
        "consent.html",
        here=ASK_FIRST,
        status=status,
        text=consent_text(visitor.language),
        draft=draft,
        can_refuse=not withdrawn,
        notice=notice,
    )
