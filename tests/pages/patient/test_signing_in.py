"""Codes and links that are expired, reused, guessed or cut off; a scanner's look; consent first; signing out."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.care.reminders.schemas import PushSubscriptionEntry
from tests.support.browser import PlainBrowser, code_for, fields_of, link_for, new_patient
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service


@pytest.fixture
def stranger(service: Service) -> Iterator[PlainBrowser]:
    """A browser in which nobody is signed in."""
    browser = PlainBrowser(service.url)
    yield browser
    browser.http.close()


def try_code(browser: PlainBrowser, code: str) -> str:
    form = fields_of(browser.get("/p/enrol").text, "/p/enrol")
    reply = browser.post("/p/enrol", form | {"code": code})
    if reply.status_code == 303:
        return "in"
    assert reply.headers["content-type"].startswith("text/html")
    return reply.text


def test_the_clinic_hands_out_addresses_of_these_pages(one_clinic: ClinicClient, patient: str) -> None:
    issued = one_clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()

    assert issued["url"] == f"https://afterglow.test/p/enrol#{issued['code']}"
    assert link_for(one_clinic, patient).startswith("/p/link/agl_")


def test_a_code_lets_a_browser_in_once(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser, service: Service
) -> None:
    code = code_for(one_clinic, patient)

    assert try_code(stranger, code.lower().replace("-", " ")) == "in"
    assert stranger.get("/p/check-in").status_code == 200
    other = PlainBrowser(service.url)
    assert "This code does not work" in try_code(other, code)
    other.http.close()


def test_codes_that_do_not_work_say_so_plainly_with_help_on_the_page(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser, service: Service
) -> None:
    expired = code_for(one_clinic, patient)
    for sentence, code in (
        ("A code has twelve letters and digits", ""),
        ("A code has twelve letters and digits", expired[:-3]),
        ("A code has twelve letters and digits", "<script>" * 500),
        ("This code does not work", expired[:-1] + ("A" if expired[-1] != "A" else "B")),
    ):
        shown = try_code(stranger, code)
        assert sentence in shown
        assert "<script>" not in shown.replace('<script src="', "")
        assert "Your local emergency number" in shown
    service.clock.move_to(NOW + timedelta(minutes=16))
    assert "This code does not work" in try_code(stranger, expired)


def test_after_five_wrong_codes_the_page_says_how_long_to_wait(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser, service: Service
) -> None:
    service.clock.move_to(NOW + timedelta(days=2))
    for _ in range(5):
        try_code(stranger, "AAAA-AAAA-AAAA")

    assert "Please wait 15 minutes" in try_code(stranger, code_for(one_clinic, patient))
    service.clock.move_to(NOW + timedelta(days=2, minutes=16))
    assert try_code(stranger, code_for(one_clinic, patient)) == "in"


def test_a_scanner_may_look_at_a_link_as_often_as_it_likes(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser
) -> None:
    path = link_for(one_clinic, patient)
    for _ in range(3):
        looked = stranger.http.get(path)
        assert looked.status_code == 200
        assert "session" not in looked.headers.get("set-cookie", "")
        stranger.http.head(path)

    opened = stranger.post(path, fields_of(stranger.get(path).text))

    assert opened.status_code == 303
    assert stranger.get("/p/check-in").status_code == 200


def test_links_that_do_not_work_show_the_way_on(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser, service: Service
) -> None:
    used, expired = link_for(one_clinic, patient), link_for(one_clinic, patient)
    form = fields_of(stranger.get(used).text)
    other = PlainBrowser(service.url)
    other.post(used, fields_of(other.get(used).text))
    other.http.close()

    for reply in (stranger.get(used), stranger.post(used, form)):
        assert reply.status_code == 410
        assert "This link does not work" in reply.text
        assert "Send me a new link" in reply.text
    for cut in (expired[:-5], expired[:20], "/p/link/x", "/p/link/agl_%00%ff"):
        reply = stranger.get(cut)
        assert reply.status_code == 404
        assert "Sign in with a code" in reply.text
    service.clock.move_to(NOW + timedelta(hours=25))
    late = stranger.get(expired)
    assert late.status_code == 410
    again = stranger.post(expired, fields_of(late.text) | {"again": "yes"})
    assert again.status_code == 200
    assert "a new link is on its way" in again.text


def test_a_used_link_in_a_browser_that_is_signed_in_leads_to_the_form(
    one_clinic: ClinicClient, patient: str, stranger: PlainBrowser
) -> None:
    path = link_for(one_clinic, patient)
    stranger.post(path, fields_of(stranger.get(path).text))

    again = stranger.get(path)

    assert "You are signed in here already" in again.text
    assert 'href="/p/check-in"' in again.text


def test_before_the_first_check_in_stands_the_consent_and_answers_wait_for_it(
    one_clinic: ClinicClient, stranger: PlainBrowser
) -> None:
    patient = new_patient(one_clinic)
    draft = {
        "check_in_id": "019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11",
        "opened_at": NOW.isoformat(),
        "time_zone": "America/New_York",
        "mood": "6",
    }
    hidden = fields_of(stranger.get("/p/enrol").text, "/p/enrol")

    asked = stranger.post("/p/enrol", hidden | draft | {"code": code_for(one_clinic, patient)})

    assert "This is not an emergency service" in asked.text
    assert stranger.get("/p/check-in").headers["location"] == "/p/consent"
    form = fields_of(asked.text, "/p/consent")
    outdated = stranger.post("/p/consent", form | {"answer": "yes", "version": "2020-01"})
    assert outdated.status_code == 409
    sent = stranger.post("/p/consent", fields_of(outdated.text, "/p/consent") | {"answer": "yes"})
    assert "6 of 10" in sent.text
    assert stranger.get("/p/check-in").status_code == 200


def test_who_does_not_agree_is_not_asked_anything_and_may_agree_later(
    one_clinic: ClinicClient, stranger: PlainBrowser
) -> None:
    patient = new_patient(one_clinic)
    stranger.sign_in(one_clinic, patient)
    form = fields_of(stranger.get("/p/consent").text, "/p/consent")

    stranger.post("/p/consent", form | {"answer": "no"})

    shown = stranger.get("/p/consent")
    assert "You have withdrawn your consent" in shown.text
    assert stranger.get("/p/check-in").headers["location"] == "/p/consent"
    stranger.post("/p/consent", fields_of(shown.text, "/p/consent") | {"answer": "yes"})
    assert stranger.get("/p/check-in").status_code == 200


def test_settings_change_zone_and_language_and_refuse_what_is_no_zone(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    form = fields_of(plain.get("/p/settings").text, "/p/settings")

    wrong = plain.post("/p/settings", form | {"time_zone": "Mars/Phobos", "language": "es"})
    right = plain.post("/p/settings", form | {"time_zone": "America/Bogota", "language": "es"})

    assert wrong.status_code == 422
    assert "This time zone is not known" in wrong.text
    assert '<option value="es" lang="es" selected>' in wrong.text
    assert right.status_code == 303
    shown = plain.get("/p/settings?saved")
    assert '<html lang="es" dir="ltr">' in shown.text
    assert "Guardado." in shown.text
    known = one_clinic.http.get(f"/v1/patients/{patient}").json()
    assert (known["time_zone"], known["locale"]) == ("America/Bogota", "es")


def test_the_language_is_the_patients_else_the_browsers_and_can_be_switched(
    one_clinic: ClinicClient, service: Service
) -> None:
    spanish = PlainBrowser(service.url, language="pt-BR, es;q=0.8, en;q=0.3")
    assert '<html lang="es" dir="ltr">' in spanish.get("/p/enrol").text
    english = PlainBrowser(service.url, language="sv-SE, *;q=0.1")
    assert '<html lang="en" dir="ltr">' in english.get("/p/enrol").text
    english.sign_in(one_clinic, new_patient(one_clinic, locale="es-MX"))
    assert '<html lang="es" dir="ltr">' in english.get("/p/consent").text
    assert '<html lang="en" dir="ltr">' in english.get("/p/help?lang=en").text
    assert '<html lang="en" dir="ltr">' in english.get("/p/consent").text
    for browser in (spanish, english):
        browser.http.close()


def test_signing_out_ends_this_browser_and_another_device_can_be_ended_from_here(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    phone = one_clinic.enrol(patient, service.url)
    listed = plain.get("/p/settings").text
    form = fields_of(listed, "/p/sign-out")
    devices = {one["name"]: one["id"] for one in phone.http.get("/v1/me/devices").json()["items"]}

    assert plain.post("/p/sign-out", form | {"device": devices["phone"]}).status_code == 303
    assert phone.http.get("/v1/me").status_code == 401
    assert plain.get("/p/settings").status_code == 200
    out = plain.post("/p/sign-out", form | {"device": devices["Web browser"]})
    assert out.headers["location"].startswith("/p/enrol")
    assert "stays on this phone" in plain.get("/p/enrol?out").text
    assert plain.get("/p/settings").headers["location"] == "/p/enrol"


def test_a_patient_gets_a_copy_asks_to_be_erased_and_takes_consent_back(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    assert plain.get("/p/export").json()["format"] == "afterglow-export"
    for about, path in (("erasure", "/p/erasure"), ("consent", "/p/withdraw")):
        sure = plain.get(f"/p/sure?about={about}")
        for _ in range(2):
            assert plain.post(path, fields_of(sure.text, path)).status_code == 303

    shown = plain.get("/p/settings").text

    assert "You have asked for your data to be erased, on November 3" in shown
    assert "You have withdrawn your consent" in shown
    consent = one_clinic.http.get(f"/v1/patients/{patient}/consent").json()
    assert consent["status"] == "withdrawn"
    requests = one_clinic.http.get("/v1/erasure-requests", params={"state": "open"}).json()["items"]
    assert [one["patient_id"] for one in requests].count(patient) == 1


def test_reminders_are_chosen_by_the_same_rules_as_from_a_phone(
    service: Service, one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    form = fields_of(plain.get("/p/settings").text, "/p/reminders")
    chosen = {"ask_at": "19:30", "quiet_from": "22:00", "quiet_until": "07:00", "paused_until": "2026-12-01"}

    quiet = plain.post("/p/reminders", form | chosen | {"ask_at": "23:00"})
    unreadable = plain.post("/p/reminders", form | chosen | {"ask_at": "late", "paused_until": "soon"})
    right = plain.post("/p/reminders", form | chosen)

    assert (quiet.status_code, "lies in your quiet hours" in quiet.text) == (422, True)
    assert re.findall(r'<a href="#(ask_at|paused_until)">', unreadable.text) == ["ask_at", "paused_until"]
    assert 'value="22:00"' in unreadable.text
    assert right.headers["location"] == "/p/settings?saved"
    phone = one_clinic.enrol(patient, service.url)
    kept = phone.http.get("/v1/me").json()["reminders"]
    assert {name: kept[name] for name in chosen} == chosen
    assert "email" not in kept["channels"]
    others = kept["channels"]
    plain.post("/p/reminders", form | chosen | {"email": "yes", "paused_until": ""})
    kept = phone.http.get("/v1/me").json()["reminders"]
    assert (kept["channels"], kept["paused_until"]) == ([*others, "email"], None)
    shown = plain.get("/p/settings").text
    assert 'name="email" value="yes" checked' in shown
    assert 'name="ask_at" value="19:30"' in shown


def test_a_patient_chooses_notifications_text_messages_and_mail_on_the_page(
    service: Service, one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    page = plain.get("/p/settings").text
    assert [f'name="{name}" value="yes" checked' in page for name in ("push", "sms")] == [False, False]
    form = fields_of(page, "/p/reminders")
    times = {"ask_at": "18:00", "quiet_from": "21:00", "quiet_until": "08:00", "paused_until": ""}
    phone = one_clinic.enrol(patient, service.url)

    def channels(**chosen: str) -> list[str]:
        reply = plain.post("/p/reminders", form | times | chosen)
        assert reply.headers["location"] == "/p/settings?saved", reply.text
        return list(phone.http.get("/v1/me").json()["reminders"]["channels"])

    # With scripts off, a browser cannot say where it gets notifications.
    unsaid = plain.post("/p/reminders", form | times | {"push": "yes", "ask_at": "17:00"})
    assert (unsaid.status_code, 'value="17:00"' in unsaid.text) == (422, True)
    assert "This browser gets no notifications" in unsaid.text
    wrong = plain.post("/p/reminders", form | times | {"sms": "yes", "sms_number": "555 0123"})
    assert (wrong.status_code, 'href="#sms_number"' in wrong.text) == (422, True)
    assert plain.post("/p/reminders", form | times | {"sms": "yes"}).status_code == 422

    (subscription,) = PushSubscriptionEntry.model_json_schema()["examples"]
    here = {f"push_{name}": value for name, value in subscription.items()}
    broken = plain.post("/p/reminders", form | times | here | {"push": "yes", "push_auth": "x"})
    assert broken.status_code == 422
    number = {"sms": "yes", "sms_number": "+1 415 555 0123"}
    everything = channels(push="yes", email="yes", **number, **here)
    assert set(everything) == {"push", "gateway", "email"}
    shown = plain.get("/p/settings").text
    assert all(f'name="{name}" value="yes" checked' in shown for name in ("push", "sms", "email"))
    assert 'value="+14155550123"' in shown
    assert channels(push="yes", **number) == [one for one in everything if one != "email"]
    assert channels(email="yes", sms_number="") == ["email"]
    assert one_clinic.http.get(f"/v1/patients/{patient}/reminders").json()["reached_by"] is None
    assert phone.http.get("/v1/me").json()["reminders"]["sms_number"] is None
