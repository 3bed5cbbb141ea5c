"""A form as it was opened: read back as it was written, and for which day its answers are."""

from datetime import UTC, datetime, timedelta

import pytest

from app.pages.patient.opened_form import OpenedForm, open_form, read_opened
from app.web.pages.forms import NOTHING_FILLED_IN, Form

MORNING = datetime(2026, 3, 3, 8, 15, tzinfo=UTC)
OPENED = open_form(MORNING, "Europe/Berlin")
WRITTEN = OPENED.fields("form_id")


def test_a_form_is_read_back_as_it_was_written() -> None:
    assert read_opened(Form(WRITTEN), "form_id") == OPENED


@pytest.mark.parametrize(
    "broken",
    [
        {"form_id": ""},
        {"form_id": "17"},
        {"opened_at": "yesterday"},
        {"opened_at": "2026-03-03T08:15:00"},
        {"opened_at": "0001-01-01T00:00:00+14:00"},
        {"time_zone": "Mars/Phobos"},
    ],
)
def test_a_form_that_cannot_be_read_is_none(broken: dict[str, str]) -> None:
    assert read_opened(Form(WRITTEN).filled(broken), "form_id") is None


def test_answers_are_for_the_day_on_which_the_form_was_opened() -> None:
    assert OPENED.settled(NOTHING_FILLED_IN, MORNING + timedelta(hours=5)) == OPENED


def test_on_another_day_the_person_is_asked_and_what_they_chose_counts() -> None:
    next_day = MORNING + timedelta(days=1)
    choices = OPENED.day_choices(next_day, "en")
    chosen = [OPENED.settled(Form({"answered_at": value}), next_day) for value, _words in choices]

    assert OPENED.settled(NOTHING_FILLED_IN, next_day) is None
    assert [words for _value, words in choices] == ["Tuesday, March 3", "Wednesday, March 4"]
    assert chosen == [OPENED, OpenedForm(id=OPENED.id, opened_at=next_day, time_zone="Europe/Berlin")]


def test_a_day_that_is_no_moment_is_not_taken_for_a_choice() -> None:
    for said in ("today", "2026-03-04", "2026-03-04T08:15:00"):
        assert OPENED.settled(Form({"answered_at": said}), MORNING) == OPENED
        assert OPENED.settled(Form({"answered_at": said}), MORNING + timedelta(days=1)) is None
