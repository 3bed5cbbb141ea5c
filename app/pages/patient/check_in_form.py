"""The check-in form: which day it is for, what was answered, and what is wrong with it in plain words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.care.check_ins.reading import read_item
from app.care.check_ins.validation import CheckInDraft
from app.care.disclosures.answers import means_yes
from app.clinical.check_ins import ONE_DAY, CheckIn, zone_of
from app.clinical.domains import REPORTED_NUMBERS
from app.clinical.protocol import DAY_STARTS_AT_HOUR
from app.foundation.translations import Words, number_written, say
from app.pages.patient.opened_form import NOT_READABLE, OpenedForm
from app.web.pages.forms import Form
from app.web.pages.wording import write_day, write_weekday

SCORES: Final[Mapping[str, Words]] = {
    "mood": say("Mood"),
    "energy": say("Energy"),
    "sleep_quality": say("Sleep"),
}
TICKS: Final = ("asks_about_booster", "self_harm_thoughts")
ANSWERS: Final = (*REPORTED_NUMBERS, "note", *TICKS)
ID_FIELD: Final = "check_in_id"
# What makes a form this form: its check-in's id, when it was opened, and where.
IDENTITY: Final = (ID_FIELD, "opened_at", "time_zone")
NO_DRAFT: Final[Mapping[str, str]] = {}
_HOURS_AND_MINUTES: Final = re.compile(r"(\d{1,2}):([0-5]\d)", re.ASCII)
# Beyond it, hours and minutes are a time of day rather than a night.
_LONGEST_BY_CLOCK: Final = 12
_UNIT: Final = re.compile(r"\s*(h|hs|hours?|horas?)\.?$", re.IGNORECASE)
# Which sentence belongs to which field; what a person cannot have mistyped is not readable.
_SENTENCES: Final = {
    "sleep_hours": say(
        "Write the hours of sleep as a number from 0 to 24 in quarter hours, such as 7 or 6.5."
    ),
    "note": say("The note is longer than 4,000 characters. Please shorten it; everything else is kept."),
} | dict.fromkeys(SCORES, say("Choose a number from 0 to 10."))


def day_sentence(opened: OpenedForm, language: str) -> str:
    """Say for which day the form is."""
    local = opened.opened_at.astimezone(zone_of(opened.time_zone))
    day = write_day(opened.day, language)
    if local.hour < DAY_STARTS_AT_HOUR:
        return say("It is after midnight: this still counts for {day}, the day just lived.", day=day)
    return say("For {day}.", day=day)


def night_sentence(opened: OpenedForm, language: str) -> str:
    """Say which night is asked about: the one that ended on that day."""
    before, day = (write_weekday(one, language) for one in (opened.day - ONE_DAY, opened.day))
    return say("from {before} to {day}", before=before, day=day)


def answers_beside_scores(sent: CheckIn) -> list[tuple[Words, Words]]:
    """Name what else was answered as a number, with its unit."""
    hours = sent.sleep_hours
    return (
        []
        if hours is None
        else [(say("Hours of sleep last night"), say("{value} hours", value=number_written(hours)))]
    )


def says_self_harm(form: Form) -> bool:
    """Whether the statement is ticked, by the same rule as in whatever a phone sends."""
    return means_yes(form["self_harm_thoughts"])


def draft_of(form: Form) -> dict[str, str]:
    """Take along what was answered, to carry it through signing in."""
    return {name: form[name] for name in (*IDENTITY, "answered_at", *ANSWERS) if form[name]}


def read_answers(form: Form, opened: OpenedForm) -> tuple[CheckInDraft | None, dict[str, Words]]:
    """Read the answers by the same rules as a phone's; or give, by field, which sentence says what is wrong."""
    sent: dict[str, Any] = {
        "id": str(opened.id),
        "recorded_at": opened.opened_at.isoformat(),
        "time_zone": opened.time_zone,
        "note": form["note"].strip() or None,
        "sleep_hours": _hours(form["sleep_hours"]),
        "input_mode": "radio",
        "asks_about_booster": bool(form["asks_about_booster"]),
        "self_harm_thoughts": says_self_harm(form),
    }
    sent |= {name: _score(form[name]) for name in SCORES}
    read = read_item({name: value for name, value in sent.items() if value is not None})
    if isinstance(read, CheckInDraft):
        return read, {}
    return None, _mistakes(read["errors"], form.cut)


def _mistakes(errors: Sequence[Mapping[str, Any]], cut: frozenset[str]) -> dict[str, Words]:
    found: dict[str, Words] = {}
    for error in errors:
        name = error["pointer"].removeprefix("#").strip("/")
        if error["code"] == "nothing-answered" or not name:
            found["mood"] = say("None of the three questions has been answered yet. One answer is enough.")
        elif name in cut:
            found[name] = say(
                "The note is far longer than 4,000 characters, so only its beginning is shown. Please "
                "shorten it; everything else is kept."
            )
        else:
            found[name if name in _SENTENCES else "form"] = _SENTENCES.get(name, NOT_READABLE)
    return found


def _score(text: str) -> int | str | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text or None  # noqa: PLR2004 - any score


def _hours(text: str) -> float | str | None:
    """Read hours as people write them: 7, 6.5, 6,5, 6:30, 7 h. A time of day (14:30) is asked about."""
    text = _UNIT.sub("", text.strip())
    clock = _HOURS_AND_MINUTES.fullmatch(text)
    if clock and int(clock[1]) > _LONGEST_BY_CLOCK:
        return text
    if clock:
        return int(clock[1]) + int(clock[2]) / 60
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return text
