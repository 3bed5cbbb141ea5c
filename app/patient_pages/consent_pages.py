"""Consent: the text before the first check-in, the person's answer, and the way back."""

from collections.abc import Mapping
from typing import Final

from app.messages.consent_text import consent_text
from app.patient_pages.check_in_form import NO_DRAFT
from app.patient_pages.rendering import render
from app.patient_pages.visitor import Visitor
from app.patient_pages.words import say_in
from app.patients.consent_standing import ConsentStanding
from app.web.equipment import Equipment
from app.web.pages.answers import PageAnswer

ASK_FIRST: Final = "/p/consent"


def must_answer_first(visitor: Visitor) -> bool:
    """Whether the consent text comes before anything else: never answered, changed since, or taken back."""
    return visitor.signed_in.consent is not ConsentStanding.GIVEN


def consent_page(
    equipment: Equipment,
    visitor: Visitor,
    *,
    draft: Mapping[str, str] = NO_DRAFT,
    told: str = "",
    status: int = 200,
) -> PageAnswer:
    """Show the text in force; ``told`` names a sentence."""
    withdrawn = visitor.signed_in.consent is ConsentStanding.WITHDRAWN
    say = say_in(visitor.language)
    told = told or ("withdrawn" if withdrawn else "")
    return render(
        equipment,
        visitor,
        "consent.html",
        here=ASK_FIRST,
        status=status,
        text=consent_text(visitor.language),
        draft=draft,
        can_refuse=not withdrawn,
        told=say(told) if told else "",
    )
