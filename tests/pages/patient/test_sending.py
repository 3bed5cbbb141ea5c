"""What becomes of a form: kept once, corrected, refused with everything still on the page."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.support.browser import PlainBrowser, code_for, fields_of
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

FORM = "/p/check-in"
ANSWERS = {"mood": "6", "energy": "4", "sleep_quality": "7"}
TEXT = "Mañana será mejor 🌱 غدًا أفضل"


def form_of(plain: PlainBrowser) -> dict[str, str]:
    reply = plain.get(FORM)
    assert reply.status_code == 200, reply.text
    return fields_of(reply.text, FORM)


def kept(clinic: ClinicClient, patient: str, service: Service) -> list[dict[str, Any]]:
    """What stands for a patient, as their phone sees it."""
    phone = clinic.enrol(patient, service.url)
    items: list[dict[str, Any]] = phone.http.get("/v1/check-ins").json()["items"]
    return items


def current(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in items if not one["superseded_by"]]


def events(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clinic.http.get(
        "/v1/safety-events", params={"state": "all", "patient_id": patient}
    ).json()["items"]
    return found


def assert_help_first(reply: httpx2.Response) -> None:
    main = reply.text.partition("<main")[2]
    assert main.index('class="crisis first"') < main.index("<h2")
    assert 'href="tel:988"' in main
    assert 'href="tel:911"' in main


def test_a_form_is_kept_as_the_phones_check_in_would_be(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)

    reply = plain.post(
        FORM, form | ANSWERS | {"sleep_hours": "6,5 h", "note": f" {TEXT}\r\n", "asks_about_booster": "yes"}
    )

    assert reply.status_code == 200
    assert "Thank you" in reply.text
    assert "6 of 10" in reply.text
    (one,) = kept(one_clinic, patient, service)
    assert one["id"] == form["check_in_id"]
    assert (one["mood"], one["energy"], one["sleep_quality"], one["sleep_hours"]) == (6, 4, 7, 6.5)
    assert one["note"] == TEXT
    assert (one["asks_about_booster"], one["self_harm_thoughts"]) == (True, False)
    assert (one["input_mode"], one["time_zone"]) == ("radio", "America/New_York")
    assert one["recorded_at"] == "2026-11-03T18:00:00Z"


def test_who_is_archived_finds_help_in_place_of_the_form_and_what_is_sent_still_is_not_kept(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)
    archived = one_clinic.http.post(f"/v1/patients/{patient}/archive", json={"reason": "care_ended"})
    assert archived.status_code == 200, archived.text

    shown = plain.get(FORM)
    main = shown.text.partition("<main")[2]
    assert main.index('class="crisis first"') < main.index("Nobody at this clinic reads your reports now")
    assert 'href="tel:988"' in main
    assert f'action="{FORM}"' not in shown.text
    refused = plain.post(FORM, form | ANSWERS)
    assert refused.status_code == 409
    assert "Nobody at this clinic reads your reports now. Please use the numbers on this page." in unescape(
        refused.text
    )
    assert 'href="tel:988"' in refused.text.partition("<main")[0]
    assert one_clinic.http.post(f"/v1/patients/{patient}/unarchive", json={}).status_code == 200
    assert kept(one_clinic, patient, service) == []


def test_sent_twice_it_counts_once_and_the_page_says_so(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS

    replies = [plain.post(FORM, form) for _ in range(3)]

    assert ["kept before" in reply.text for reply in replies] == [False, True, True]
    assert len(kept(one_clinic, patient, service)) == 1


def test_two_tabs_are_one_check_in(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    one = form_of(plain)
    service.clock.move_to(NOW + timedelta(minutes=3))
    other = form_of(plain)

    plain.post(FORM, one | ANSWERS)
    plain.post(FORM, other | ANSWERS)

    assert one["check_in_id"] == other["check_in_id"]
    assert len(kept(one_clinic, patient, service)) == 1


def test_other_answers_under_the_same_form_are_a_correction_that_is_said(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)
    plain.post(FORM, form | ANSWERS)

    replies = [plain.post(FORM, form | ANSWERS | {"mood": mood}) for mood in ("3", "3", "2", "3")]

    assert ["take the place of the old ones" in reply.text for reply in replies] == [True, False, True, False]
    items = kept(one_clinic, patient, service)
    assert len(items) == 3
    (now,) = current(items)
    assert (now["mood"], now["energy"]) == (2, 4)
    assert now["recorded_at"] == items[0]["recorded_at"]


def test_coming_back_to_the_form_shows_what_was_sent_and_later_opens_a_new_one(
    plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)
    plain.post(FORM, form | ANSWERS | {"note": TEXT, "self_harm_thoughts": "yes"})

    again = plain.get(FORM)

    assert "You sent this check-in on November 3, 1:00" in again.text
    assert fields_of(again.text, FORM)["check_in_id"] == form["check_in_id"]
    assert re.search(r'name="mood" value="6" checked', again.text)
    assert TEXT in again.text
    assert 'name="self_harm_thoughts" value="yes" aria-describedby="heard-help" checked' not in again.text
    service.clock.move_to(NOW + timedelta(hours=2))
    later = plain.get(FORM)
    assert fields_of(later.text, FORM)["check_in_id"] != form["check_in_id"]
    assert " checked" not in later.text


def test_a_check_in_that_was_withdrawn_meanwhile_can_be_sent_anew(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)
    plain.post(FORM, form | ANSWERS)
    phone = one_clinic.enrol(patient, service.url)
    assert phone.http.delete(f"/v1/check-ins/{form['check_in_id']}").status_code == 204

    plain.post(FORM, form | ANSWERS | {"mood": "2"})

    assert [one["mood"] for one in kept(one_clinic, patient, service) if not one["withdrawn_at"]] == [2]


def test_a_form_without_any_answer_comes_back_with_everything_on_it(plain: PlainBrowser) -> None:
    form = form_of(plain)

    reply = plain.post(FORM, form | {"note": TEXT, "sleep_hours": "7"})

    assert reply.status_code == 422
    assert "None of the three questions has been answered yet" in reply.text
    assert '<a href="#mood">' in reply.text
    assert TEXT in reply.text
    assert 'value="7"' in reply.text
    assert fields_of(reply.text, FORM) == form


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"mood": "11"}, "mood", "Choose a number from 0 to 10."),
        ({"energy": "-1"}, "energy", "Choose a number from 0 to 10."),
        ({"sleep_quality": "good"}, "sleep_quality", "Choose a number from 0 to 10."),
        ({"sleep_hours": "25"}, "sleep_hours", "in quarter hours"),
        ({"sleep_hours": "seven"}, "sleep_hours", "in quarter hours"),
        ({"sleep_hours": "nan"}, "sleep_hours", "in quarter hours"),
        ({"sleep_hours": "14.30"}, "sleep_hours", "in quarter hours"),
        ({"sleep_hours": "14:30"}, "sleep_hours", "in quarter hours"),
        ({"note": "x" * 4001}, "note", "longer than 4,000 characters"),
        ({"check_in_id": "none"}, "form", "not readable"),
        ({"time_zone": "Mars/Phobos"}, "form", "not readable"),
        ({"opened_at": "tomorrow"}, "form", "not readable"),
        (
            {"opened_at": "2026-09-01T12:00:00+00:00", "answered_at": "2026-09-01T12:00:00+00:00"},
            "form",
            "30 days",
        ),
        ({"opened_at": "2027-11-03T12:00:00+00:00"}, "form", "clock"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_beside_it_and_nothing_is_lost(
    plain: PlainBrowser, fields: dict[str, str], field: str, sentence: str
) -> None:
    reply = plain.post(FORM, form_of(plain) | ANSWERS | {"note": TEXT, "asks_about_booster": "yes"} | fields)

    assert reply.status_code == 422
    assert sentence in unescape(reply.text)
    assert f'<a href="#{field}">' in reply.text
    assert f'id="{field}"' in reply.text
    shown = unescape(reply.text)
    for name in set(ANSWERS) - set(fields):
        assert (
            f'name="{name}" value="{ANSWERS[name]}" checked' in shown
            or f'name="{name}" value="{ANSWERS[name]}"' in shown
        )
    assert fields.get("note", TEXT) in shown
    assert re.search(r'name="asks_about_booster" value="yes" checked', shown)
    again = plain.post(FORM, fields_of(reply.text, FORM) | ANSWERS)
    assert again.status_code == 200


def test_a_note_of_five_megabytes_loses_nothing_else(plain: PlainBrowser) -> None:
    reply = plain.post(FORM, form_of(plain) | ANSWERS | {"note": "ñ" * 2_500_000})

    assert reply.status_code == 422
    assert "far longer than 4,000 characters" in reply.text
    assert 'name="mood" value="6" checked' in reply.text
    assert len(reply.text) < 200_000


def test_more_than_that_is_refused_in_plain_words(plain: PlainBrowser) -> None:
    reply = plain.post(FORM, form_of(plain) | ANSWERS | {"note": "x" * 20_000_000})

    assert reply.status_code == 413
    assert reply.headers["content-type"].startswith("text/html")
    assert "your answers are still on the page" in reply.text
    assert 'href="tel:988"' in reply.text


def test_a_form_that_was_left_open_until_another_day_asks_which_day_is_meant(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS
    service.clock.move_to(NOW + timedelta(hours=20))

    asked = plain.post(FORM, form)

    assert asked.status_code == 409
    assert "Which day are your answers about?" in asked.text
    choices = re.findall(
        r'name="answered_at" value="([^"]+)".*?>\s*Send for ([^<]+?)\s*<', asked.text, re.DOTALL
    )
    assert [day for _, day in choices] == ["Tuesday, November 3", "Wednesday, November 4"]
    hidden = fields_of(asked.text, FORM) | ANSWERS
    for _ in range(2):
        assert plain.post(FORM, hidden | {"answered_at": unescape(choices[1][0])}).status_code == 200
    (one,) = kept(one_clinic, patient, service)
    assert one["check_in_day"] == "2026-11-04"


@pytest.mark.parametrize(
    ("local", "day", "night", "after_midnight"),
    [
        ("2026-11-04T03:59:00-05:00", "Tuesday, November 3", "from Monday to Tuesday", True),
        ("2026-11-04T00:10:00-05:00", "Tuesday, November 3", "from Monday to Tuesday", True),
        ("2026-11-04T04:00:00-05:00", "Wednesday, November 4", "from Tuesday to Wednesday", False),
    ],
)
def test_the_page_says_for_which_day_it_is_and_which_night(
    plain: PlainBrowser, service: Service, local: str, day: str, night: str, after_midnight: bool
) -> None:
    service.clock.move_to(datetime.fromisoformat(local))

    text = plain.get(FORM).text

    assert day in text
    assert night in text
    assert ("It is after midnight" in text.partition("data-day>")[2].partition("</p>")[0]) == after_midnight


def test_a_safety_statement_is_answered_with_help_before_all_else(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    reply = plain.post(FORM, form_of(plain) | {"self_harm_thoughts": "yes"})

    assert reply.status_code == 200
    assert_help_first(reply)
    assert "Your clinic has been notified" in reply.text
    assert [(one["source"], one["urgent"]) for one in events(one_clinic, patient)] == [("check_in", True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"mood": "11"},
        {"note": "x" * 5000},
        {"check_in_id": ""},
        {"form_token": ""},
        {"opened_at": "2026-11-01T12:00:00+00:00"},
        {"opened_at": "2030-11-01T12:00:00+00:00"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_safety_statement_is_heard_from_a_form_that_cannot_be_kept(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, fields: dict[str, str]
) -> None:
    sent = form_of(plain) | {"self_harm_thoughts": "yes"} | fields

    for _ in range(2):
        reply = plain.post(FORM, sent)
        assert reply.status_code in {403, 409, 422}
        assert_help_first(reply)
        assert "Your clinic has been notified" in reply.text

    assert [one["source"] for one in events(one_clinic, patient)] == ["refused_check_in"]


def test_answers_survive_a_session_that_ran_out_and_the_statement_does_not_wait(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS | {"note": TEXT, "self_harm_thoughts": "yes"}
    service.clock.move_to(NOW + timedelta(days=31))

    asked = plain.post(FORM, form)

    assert asked.status_code == 401
    assert_help_first(asked)
    assert "Your answers are kept on this page" in asked.text
    assert TEXT in unescape(asked.text)
    assert [one["source"] for one in events(one_clinic, patient)] == ["refused_check_in"]
    service.clock.move_to(NOW + timedelta(hours=1))
    hidden = fields_of(asked.text, "/p/enrol")
    wrong = plain.post("/p/enrol", hidden | {"code": "AAAA-AAAA-AAAA"})
    assert wrong.status_code == 401
    assert_help_first(wrong)
    hidden = fields_of(wrong.text, "/p/enrol")
    sent = plain.post("/p/enrol", hidden | {"code": code_for(one_clinic, patient)})
    assert sent.status_code == 200
    assert_help_first(sent)
    assert "6 of 10" in sent.text
    (one,) = kept(one_clinic, patient, service)
    assert (one["mood"], one["note"], one["self_harm_thoughts"]) == (6, TEXT, True)


def test_answers_kept_through_signing_in_can_also_be_sent_after_a_link_in_another_tab(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS
    plain.cookies = {name: value for name, value in plain.cookies.items() if "session" not in name}
    asked = plain.post(FORM, form)
    plain.sign_in(one_clinic, patient)

    sent = plain.post(FORM, fields_of(asked.text, FORM))

    assert sent.status_code == 200
    assert len(kept(one_clinic, patient, service)) == 1


def test_help_is_shown_to_someone_whom_nobody_knows(service: Service) -> None:
    stranger = PlainBrowser(service.url)

    reply = stranger.post(FORM, {"self_harm_thoughts": "yes", "check_in_id": str(new_id())})

    assert reply.status_code == 401
    main = reply.text.partition("<main")[2]
    assert main.index("please reach a person now") < main.index("We could not notify")
    assert "call your local emergency number" in main
    assert "We could not notify your clinic from here" in reply.text
    stranger.http.close()
