"""The patient's history: what was sent, day by day; corrected, taken back, a day added; nobody else's."""

import re
from datetime import timedelta
from html import unescape

from tests.pages.patient.test_sending import ANSWERS, FORM, current, form_of, kept
from tests.support.browser import PlainBrowser, agree, fields_of, new_patient
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

HISTORY = "/p/history"


def send(plain: PlainBrowser, **answers: str) -> str:
    form = form_of(plain) | ANSWERS | answers
    assert plain.post(FORM, form).status_code == 200
    return form["check_in_id"]


def test_a_check_in_of_two_days_ago_is_corrected_from_the_history_and_keeps_its_day(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    sent = send(plain, note="wrong number")
    service.clock.move_to(NOW + timedelta(days=2))
    shown = plain.get(HISTORY)
    assert "wrong number" in shown.text
    assert f"correct={sent}" in shown.text

    page = plain.get(f"{FORM}?correct={sent}")
    assert "Correct Tuesday, November 3" in page.text
    assert re.search(r'name="mood" value="6" checked', page.text)
    form = fields_of(page.text, FORM)
    wrong = plain.post(FORM, form | ANSWERS | {"sleep_hours": "many"})
    assert wrong.status_code == 422
    reply = plain.post(FORM, fields_of(wrong.text, FORM) | ANSWERS | {"mood": "3"})

    assert "take the place of the old ones" in reply.text
    (now,) = current(kept(one_clinic, patient, service))
    assert (now["mood"], now["recorded_at"]) == (3, "2026-11-03T18:00:00Z")


def test_a_check_in_is_taken_back_after_a_question_and_no_longer_counts(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    sent = send(plain)
    path = f"{HISTORY}/{sent}/take-back"

    question = plain.get(path)
    assert "Take back your check-in of Tuesday, November 3?" in question.text
    assert current(kept(one_clinic, patient, service))[0]["withdrawn_at"] is None
    reply = plain.post(path, fields_of(question.text))

    assert reply.headers["location"] == f"{HISTORY}?taken-back"
    (one,) = kept(one_clinic, patient, service)
    assert one["withdrawn_at"] is not None
    assert "was taken back" in plain.get(f"{HISTORY}?taken-back").text
    assert plain.get(path).status_code == 404
    assert plain.get(f"{FORM}?correct={sent}").status_code == 404


def test_a_day_that_was_left_out_is_added_for_that_day_once(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    send(plain)
    service.clock.move_to(NOW + timedelta(days=2))
    shown = plain.get(HISTORY)
    (added,) = re.findall(r'href="/p/check-in\?day=([^"]+)"', shown.text)
    assert added == "2026-11-04"

    form = fields_of(plain.get(f"{FORM}?day={added}").text, FORM)
    reply = plain.post(FORM, form | ANSWERS)

    assert "Your check-in for Wednesday, November 4 is saved" in unescape(reply.text)
    days = {one["check_in_day"] for one in kept(one_clinic, patient, service)}
    assert days == {"2026-11-03", "2026-11-04"}
    assert "/p/check-in?day=" not in plain.get(HISTORY).text
    for nonsense in ("2026-11-30", "2025-01-01", "yesterday", ""):
        assert "For Thursday, November 5" in plain.get(f"{FORM}?day={nonsense}").text


def test_another_patients_check_in_can_neither_be_read_nor_corrected_nor_taken_back(
    one_clinic: ClinicClient, plain: PlainBrowser, service: Service
) -> None:
    other = new_patient(one_clinic)
    agree(one_clinic, other, service.url)
    stranger = PlainBrowser(service.url)
    stranger.sign_in(one_clinic, other)
    sent = send(stranger, note="not yours")

    assert plain.get(f"{FORM}?correct={sent}").status_code == 404
    assert plain.get(f"{HISTORY}/{sent}/take-back").status_code == 404
    token = fields_of(plain.get("/p/settings").text)
    assert plain.post(f"{HISTORY}/{sent}/take-back", token).status_code == 404
    assert "not yours" not in plain.get(HISTORY).text
    (one,) = kept(one_clinic, other, service)
    assert one["withdrawn_at"] is None


def test_the_first_days_have_a_sentence_and_the_third_a_line_and_the_hint_for_the_home_screen(
    plain: PlainBrowser, service: Service
) -> None:
    pages = []
    for day in range(3):
        service.clock.move_to(NOW + timedelta(days=day))
        pages.append(plain.post(FORM, form_of(plain) | ANSWERS).text)

    assert ["A line appears here after three days" in one for one in pages] == [True, True, False]
    assert ["<figure>" in one for one in pages] == [False, False, True]
    assert ["Put it on your home screen" in one for one in pages] == [False, False, True]
    assert ["Choose when to be reminded" in one for one in pages] == [True, True, False]
    assert "Add to Home Screen" in plain.get("/p/home-screen").text
