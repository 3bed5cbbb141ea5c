"""From a page's form to what was chosen, by the very rules of the request that a phone sends."""

from collections.abc import Mapping

from pydantic import ValidationError

from app.patients.reminding import ChoicesChange
from app.patients.schemas import ReminderChange


def read_reminders(sent: Mapping[str, str | None]) -> ChoicesChange | list[str]:
    """Read how one wants to be asked: what it changes, or the fields that cannot be read."""
    try:
        return ReminderChange.model_validate(sent).applied_to
    except ValidationError as error:
        return [str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False)]
