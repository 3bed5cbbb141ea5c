"""PHQ-9 and GAD-7 on their pages: word for word, kept once, nothing lost, and item 9 always heard."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from app.care.assessments.questionnaires import WORDINGS
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

PHQ_9, GAD_7 = "/p/questionnaires/phq-9", "/p/questionnaires/gad-7"
ANSWERS = {f"item_{number}": str(number % 3) for number in range(1, 9)} | {"item_9": "0"}


def form_of(plain: PlainBrowser, path: str = PHQ_9) -> dict[str, str]:
    reply = plain.get(path)
    assert reply.status_code == 200, reply.text
    return fields_of(reply.text, path)


def kept(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clinic.http.get(f"/v1/patients/{patient}/assessments").json()["items"]
    return found


def events(clinic: ClinicClient, patient: str) -> list[str]:
    found = clinic.http.get("/v1/safety-events", params={"state": "all", "patient_id": patient}).json()
    return [one["source"] for one in found["items"]]


def main_of(text: str) -> str:
    return text.partition("<main")[2].partition("</main>")[0]


def assert_help_first(text: str) -> None:
    main = main_of(text)
    assert main.index('class="crisis first"') < main.index("<h2")
    assert 'href="tel:988"' in main


def checked(text: str) -> dict[str, str]:
    """What is chosen on a page."""
    return dict(re.findall(r'<input type="radio" name="(\w+)" value="(\d)"[^>]* checked>', text))


@pytest.mark.parametrize(("path", "key"), [(PHQ_9, "phq-9"), (GAD_7, "gad-7")])
@pytest.mark.parametrize(("language", "worded"), [("en", "en"), ("es", "es"), ("de", "en")])
def test_a_questionnaire_stands_there_word_for_word_in_a_language_that_its_authors_published(
    plain: PlainBrowser, path: str, key: str, language: str, worded: str
) -> None:
    main = unescape(main_of(plain.get(f"{path}?lang={language}").text))
    wording = WORDINGS[key][worded]
    legends = re.findall(rf'<legend lang="{worded}">(.*?)</legend>', main)
    assert legends == [f"{number}. {text}" for number, text in enumerate(wording.items, start=1)]
    assert all(text in main for text in (wording.title, wording.instructions, wording.copyright))
    assert ("Dieses Formular ist auf Englisch" in main) == (language != worded)
    answers = re.findall(r'name="item_1" value="(\d)"[^>]*><span>(.*?)</span>', main)
    assert answers == [(str(value), text) for value, text in enumerate(wording.answers)]


def test_the_form_about_long_exposure_is_a_page_where_the_clinic_asks_it(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    path = "/p/questionnaires/long-exposure"
    assert plain.get(path).status_code == 404
    assert path not in plain.get("/p/history").text
    give_infusion_and_ask(one_clinic, patient)

    assert path in plain.get("/p/history").text
    answers = {f"item_{number}": "0" for number in range(1, 6)} | {"item_2": "1"}
    sent = plain.post(path, form_of(plain, path) | answers)
    assert sent.status_code == 200, sent.text
    assert "blood" not in main_of(sent.text)
    (form,) = kept(one_clinic, patient)
    assert (form["scale"], form["items"]["2"]) == ("long-exposure", 1)
    found = one_clinic.http.get("/v1/findings", params={"patient_id": patient}).json()["items"]
    assert [one["code"] for one in found] == ["long_exposure"]


def give_infusion_and_ask(clinic: ClinicClient, patient: str) -> None:
    """A course with one infusion, and the form switched on."""
    began = (NOW - timedelta(days=3)).date().isoformat()
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": began}
    given = {"given_at": (NOW - timedelta(days=2)).isoformat(), "phase": "induction"}
    assert clinic.http.post(f"/v1/patients/{patient}/courses", json=course).status_code == 201
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).status_code == 201
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    clinic.http.patch("/v1/clinic", json={"asks_long_exposure": True}, headers={"if-match": etag})


def test_an_unfinished_form_comes_back_with_its_answers_and_item_9_is_heard(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    answers = ANSWERS | {"item_9": "1"}
    del answers["item_2"], answers["item_7"]

    form = form_of(plain)
    replies = [plain.post(PHQ_9, form | answers) for _ in range(2)]

    for reply in replies:
        assert reply.status_code == 422
        assert_help_first(reply.text)
        assert "Your clinic has been notified." in reply.text
        assert checked(reply.text) == answers
        assert re.findall(r'<a href="#(item_\d)">', reply.text) == ["item_2", "item_7"]
        assert fields_of(reply.text, PHQ_9)["form_id"] == form["form_id"]
    assert kept(one_clinic, patient) == []
    assert events(one_clinic, patient) == ["refused_assessment"]


def test_an_unfinished_form_without_such_an_answer_names_what_is_missing_and_notifies_nobody(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    reply = plain.post(PHQ_9, form_of(plain) | {"item_1": "2", "item_2": "7", "item_9": "0"})

    assert reply.status_code == 422
    assert re.findall(r'<a href="#item_(\d)">', reply.text) == list("2345678")
    # A template holds what a script shows where nothing can be sent; nobody sees it.
    assert 'class="crisis first"' not in reply.text.partition("<template")[0]
    assert events(one_clinic, patient) == []


def test_help_comes_first_when_item_9_is_kept_with_no_score_and_no_reassurance(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    reply = plain.post(PHQ_9, form_of(plain) | ANSWERS | {"item_9": "2"})

    assert reply.status_code == 200
    assert_help_first(reply.text)
    (one,) = kept(one_clinic, patient)
    assert one["total"] == 11
    assert "11" not in main_of(reply.text).replace("911", "")
    assert events(one_clinic, patient) == ["assessment"]


def test_sent_twice_it_is_one_assessment_and_the_page_says_so(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    form = form_of(plain, GAD_7) | {f"item_{number}": "1" for number in range(1, 8)}

    replies = [plain.post(GAD_7, form) for _ in range(3)]

    assert ["kept before" in reply.text for reply in replies] == [False, True, True]
    assert [one["total"] for one in kept(one_clinic, patient)] == [7]


def test_other_answers_under_the_same_form_are_kept_as_another_once_the_person_says_so(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain)
    plain.post(PHQ_9, form | ANSWERS)
    other = ANSWERS | {"item_9": "3"}
    service.clock.move_to(NOW + timedelta(minutes=2))

    refused = plain.post(PHQ_9, form | other)

    assert refused.status_code == 409
    assert_help_first(refused.text)
    assert checked(refused.text) == other
    assert len(kept(one_clinic, patient)) == 1
    assert plain.post(PHQ_9, fields_of(refused.text, PHQ_9) | other).status_code == 200
    assert len(kept(one_clinic, patient)) == 2
    assert sorted(events(one_clinic, patient)) == ["assessment", "refused_assessment"]


def test_a_form_left_open_until_another_day_asks_which_day_is_meant(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS
    service.clock.move_to(NOW + timedelta(days=3))

    asked = plain.post(PHQ_9, form)

    assert asked.status_code == 409
    assert checked(asked.text) == ANSWERS
    days = re.findall(r'<button name="answered_at" value="([^"]*)"', asked.text)
    assert kept(one_clinic, patient) == []
    assert [plain.post(PHQ_9, form | {"answered_at": unescape(days[1])}).status_code for _ in "12"] == [
        200
    ] * 2
    (one,) = kept(one_clinic, patient)
    assert one["taken_at"].startswith("2026-11-06")


def test_a_session_that_ran_out_loses_no_answer_and_item_9_is_heard(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form, answers = form_of(plain), ANSWERS | {"item_9": "1"}
    service.clock.move_to(NOW + timedelta(days=31))

    reply = plain.post(PHQ_9, form | answers)

    assert reply.status_code == 401
    assert_help_first(reply.text)
    assert checked(reply.text) == answers
    assert 'href="/p/enrol"' in reply.text
    assert events(one_clinic, patient) == ["refused_assessment"]
    plain.sign_in(one_clinic, patient)
    again = plain.post(PHQ_9, fields_of(reply.text, PHQ_9) | answers)
    assert again.status_code == 409
    then, today = re.findall(r'<button name="answered_at" value="([^"]*)"', again.text)
    form = fields_of(again.text, PHQ_9) | answers
    too_old = plain.post(PHQ_9, form | {"answered_at": then})
    assert (too_old.status_code, "more than 30 days old" in too_old.text) == (422, True)
    assert fields_of(too_old.text, PHQ_9)["opened_at"] == today
    assert plain.post(PHQ_9, fields_of(too_old.text, PHQ_9) | answers).status_code == 200
    assert len(kept(one_clinic, patient)) == 1


def test_a_stranger_and_another_site_keep_nothing_and_notify_nobody(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    form = form_of(plain) | ANSWERS | {"item_9": "1"}
    foreign = plain.post(PHQ_9, form, {"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert 'href="tel:988"' in foreign.text
    stranger = PlainBrowser(service.url)
    reply = stranger.post(PHQ_9, form)
    stranger.http.close()

    assert reply.status_code == 401
    main = main_of(reply.text)
    assert main.index('class="crisis first"') < main.index("<h2")
    # Nobody knows where a stranger is.
    assert "call your local emergency number" in main
    assert "could not notify your clinic" in reply.text
    assert plain.get("/p/questionnaires/madrs").status_code == 404
    assert plain.post("/p/questionnaires/madrs", form).status_code == 404
    assert kept(one_clinic, patient) == []
    assert events(one_clinic, patient) == []


def test_a_questionnaire_that_is_due_is_offered_after_the_check_in_and_no_longer_once_answered(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    def thanked() -> str:
        form = fields_of(plain.get("/p/check-in").text, "/p/check-in")
        return plain.post("/p/check-in", form | {"mood": "6"}).text

    assert PHQ_9 not in thanked()
    one_clinic.treat(patient, last_infusion=NOW - timedelta(days=2))
    assert f'<a href="{PHQ_9}" lang="en">' in thanked()
    progress = main_of(plain.get("/p/history").text)
    assert progress.count("due now") == 1
    assert GAD_7 in progress
    plain.post(PHQ_9, form_of(plain) | ANSWERS)
    assert PHQ_9 not in thanked()
    assert f'<a href="{PHQ_9}" lang="en">' in plain.get("/p/settings").text
