"""A questionnaire as a form on a page: its fields, and what was answered in them."""

from typing import Final

from app.care.assessments.commands import Form as AnsweredForm
from app.care.assessments.questionnaires import Questionnaire
from app.care.disclosures.detector import answer_asks_for
from app.pages.patient.opened_form import OpenedForm
from app.web.pages.forms import Form

ID_FIELD: Final = "form_id"
# More digits than any answer has; what is longer is no answer.
_MOST_DIGITS: Final = 3


def field_of(number: int) -> str:
    """Name the field of an item."""
    return f"item_{number}"


def answered(form: Form, asked: Questionnaire, opened: OpenedForm) -> AnsweredForm:
    """Take the answers as sent; what is no number counts as not answered."""
    return AnsweredForm(
        id=opened.id,
        scale=asked.scale.key,
        taken_at=opened.opened_at,
        time_zone=opened.time_zone,
        items={number: _answer(form[field_of(number)]) for number in asked.scale.items},
    )


def says_self_harm(form: Form, asked: Questionnaire) -> bool:
    """Whether an answer points to self-harm, by the same rule as in whatever a phone sends."""
    item = asked.scale.suicide_item
    return item is not None and answer_asks_for(asked.scale.key, form[field_of(item)]) is not None


def _answer(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
