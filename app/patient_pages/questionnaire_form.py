"""A questionnaire as a form on a page: which one it is, when it was opened, and what was answered."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.assessments.questionnaires import Questionnaire
from app.assessments.safety_items import FoundAnswer, answers_in
from app.assessments.service import Form as AnsweredForm
from app.clinical.check_ins import check_in_day, zone_of
from app.foundation.ids import new_id
from app.web.pages.forms import Form

# More digits than any answer has; what is longer is no answer.
_MOST_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedForm:
    """One form as it was opened. The same form sent again is the same assessment."""

    id: UUID
    opened_at: datetime
    time_zone: str

    @property
    def day(self) -> date:
        """The day on which it was opened, as check-in days go."""
        return check_in_day(self.opened_at, self.time_zone)

    def fields(self) -> dict[str, str]:
        """Write it into the form."""
        return {
            "form_id": str(self.id),
            "opened_at": self.opened_at.isoformat(),
            "time_zone": self.time_zone,
        }


def open_form(now: datetime, time_zone: str) -> OpenedForm:
    """Open a form now."""
    return OpenedForm(id=new_id(), opened_at=now.replace(microsecond=0), time_zone=time_zone)


def opened_in(form: Form) -> OpenedForm | None:
    """Read which form this was; None when that cannot be read."""
    try:
        zone_of(form["time_zone"])
        found = OpenedForm(
            id=UUID(form["form_id"]),
            opened_at=datetime.fromisoformat(form["opened_at"]),
            time_zone=form["time_zone"],
        )
        found.day  # noqa: B018 - a time without an offset, or out of the calendar, has none
    except (ValueError, OverflowError):
        return None
    return found


def field_of(number: int) -> str:
    """Name the field of an item."""
    return f"item_{number}"


def answered(form: Form, asked: Questionnaire, opened: OpenedForm) -> AnsweredForm:
    """Take the answers as told; what is no number counts as not answered."""
    return AnsweredForm(
        id=opened.id,
        scale=asked.scale.key,
        taken_at=opened.opened_at,
        time_zone=opened.time_zone,
        items={number: _answer(form[field_of(number)]) for number in asked.scale.items},
    )


def safety_answers(form: Form, asked: Questionnaire) -> Sequence[FoundAnswer]:
    """Find an answer that acts, by the same rule as in whatever a phone sends, however broken the form is."""
    said = {
        "id": form["form_id"],
        "taken_at": form["opened_at"],
        "scale": asked.scale.key,
        "items": {str(number): form[field_of(number)] for number in asked.scale.items},
    }
    return answers_in(json.dumps(said).encode())


def _answer(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
