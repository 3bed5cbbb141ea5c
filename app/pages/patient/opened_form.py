"""A form as it was opened on a page: which one it is, when and where, for which day, and why it was not kept."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.clinical.check_ins import check_in_day
from app.foundation.errors import RefusalError
from app.foundation.ids import new_id
from app.foundation.translations import Words, say
from app.web.pages.forms import Form
from app.web.pages.wording import write_day

# From this status on it is our fault.
FAULT: Final = 500
# Shows a phone that sent what it had kept what became of it: kept, again, later, sign-in.
OUTCOME: Final = "afterglow-outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedForm:
    """One form as it was opened. The same form sent again is the same report, under the same id."""

    id: UUID
    opened_at: datetime
    time_zone: str

    @property
    def day(self) -> date:
        """The check-in day on which it was opened."""
        return check_in_day(self.opened_at, self.time_zone)

    def fields(self, id_field: str) -> dict[str, str]:
        """Write it into the form; ``id_field`` names the field of its id."""
        return {id_field: str(self.id), "opened_at": self.opened_at.isoformat(), "time_zone": self.time_zone}

    def settled(self, form: Form, now: datetime) -> "OpenedForm | None":
        """Settle the moment that the answers are about; None when the person must say which day it was.

        The page says for which day it is. Left open until another day has begun, it may mean either.
        """
        chosen = _moment(form["answered_at"])
        if chosen is not None:
            return replace(self, opened_at=chosen)
        return self if self.day >= check_in_day(now, self.time_zone) else None

    def day_choices(self, now: datetime, language: str) -> list[tuple[str, str]]:
        """Give the days to choose from, that of opening and today: each as it is sent, and in words."""
        today = open_form(now, self.time_zone)
        return [(one.opened_at.isoformat(), write_day(one.day, language)) for one in (self, today)]


def open_form(now: datetime, time_zone: str, *, form_id: UUID | None = None) -> OpenedForm:
    """Open a form now; without ``form_id``, a new one."""
    return OpenedForm(id=form_id or new_id(), opened_at=now.replace(microsecond=0), time_zone=time_zone)


def read_opened(form: Form, id_field: str) -> OpenedForm | None:
    """Read which form this was; None when that cannot be read."""
    opened_at = _moment(form["opened_at"])
    if opened_at is None:
        return None
    try:
        found = OpenedForm(id=UUID(form[id_field]), opened_at=opened_at, time_zone=form["time_zone"])
        found.day  # noqa: B018 - in a zone that is not known, or out of the calendar, there is none
    except (ValueError, OverflowError):
        return None
    return found


def _moment(text: str) -> datetime | None:
    """Read a moment; without an offset it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


NOT_READABLE: Final = say(
    "Something in this form was not readable. Your answers are still here; please send them again."
)
NOT_KEPT: Final = say(
    "We could not keep your answers just now. They are still on this page: please press Send again in a "
    "minute."
)
_TOO_OLD: Final = say(
    "This form is more than 30 days old. Your answers are still here: send them for today if they are about "
    "today."
)
_CLOCK_AHEAD: Final = say(
    "This phone's clock was far ahead when you opened this page. Your answers are still here: send them for "
    "today."
)
_KEPT_OTHERWISE: Final = say(
    "You sent this form before with other answers, and those are kept. Your new answers are still here: "
    "if they "
    "are to be kept too, press Send."
)
_BY_CODE: Final[Mapping[str, Words]] = {
    "check-in-too-old": _TOO_OLD,
    "check-in-in-future": _CLOCK_AHEAD,
    "assessment-too-old": _TOO_OLD,
    "assessment-in-future": _CLOCK_AHEAD,
    "assessment-conflict": _KEPT_OTHERWISE,
    "assessment-exists": _KEPT_OTHERWISE,
    "consent-withdrawn": say(
        "You withdrew your consent, so no answers are taken. You can agree again in the settings."
    ),
    "patient-archived": say(
        "Nobody at this clinic reads your reports now. Please use the numbers on this page."
    ),
    "form-expired": say(
        "This page was open for a long time. Your answers are still here; please press Send once more."
    ),
}


def why_not_kept(error: Exception) -> Words:
    """Say why a form could not be kept."""
    return _BY_CODE.get(error.code, NOT_KEPT) if isinstance(error, RefusalError) else NOT_KEPT
