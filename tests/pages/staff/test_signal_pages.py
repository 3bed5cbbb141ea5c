"""A signal's page: everything about it, plain forms, stale tabs, two at once, who may."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape

import psycopg
import pytest

from app.access.clinics.caller import find_caller
from app.access.clinics.permissions import StaffRole
from app.clinical.protocol_versions import numbers_of
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind
from app.pages.staff.alert_words import NUMBERS
from tests.support.browser import fields_of
from tests.support.care_browser import SESSION, CareBrowser, fading
from tests.support.clinics import change_clinic
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


@pytest.fixture
def signal(clinic: ClinicClient) -> dict[str, str]:
    return fading(clinic, "P-1042")


def path_of(signal: dict[str, str]) -> str:
    return f"/care/signals/{signal['id']}"


ENGLISH = re.compile(r"\b(?:the|and|of|with|is|not|for|by|your|since|until)\b.{40}")
"""Words that no Spanish sentence has."""


def against(clinic: ClinicClient) -> dict[str, str]:
    """A signal that a total of a questionnaire contradicts, without one of them being in remission."""
    patient = treated(clinic, NOW, days_since=24, level=lambda _: (8, 8, 8), until=16)
    for days, total in ((37, 20), (19, 4), (3, 11)):
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=days)).isoformat(), "total": total}
        assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    clinic.import_days(patient, NOW - timedelta(days=7), [(3, 3, 3)] * 8)
    (signal,) = clinic.signals(patient)
    return signal


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


def do(browser: CareBrowser, signal: dict[str, str], what: str, **typed: str) -> str:
    """Fill in a form of the page and send it; gives the page that follows."""
    path = path_of(signal)
    fields = fields_of(browser.get(path).text, f"{path}/{what}")
    reply = browser.post(f"{path}/{what}", fields | typed)
    assert reply.status_code == 303, words(reply.text)
    return words(browser.get(reply.headers["location"]).text)


def test_the_page_says_everything_about_a_signal(
    clinic: ClinicClient, kim: CareBrowser, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    signal = fading(clinic, "P-1042")
    receiver.wait_for("signal.raised")

    text = until_noted(kim, path_of(signal), "delivered Nov 3")

    for said in (
        "Signal of P-1042",
        "Signal: consider a booster",
        "Not acknowledged; goes to the second contact in 24 hours",
        "Since Nov 3, 2026, 7:00 PM",
        "of the gain is lost",
        "What would have changed it",
        "Mood 3.0 8.0",
        "threshold 0.5 consider_at",
        "threshold 0.75 mood_consider_at",
        "by rule gain-lost 2.0",
        "Evidence against None.",
        "Raised by Afterglow itself, Nov 3, 2026, 7:00 PM",
        "Signal raised, Nov 3, 2026, 7:00 PM: delivered",
        "Times are by the clock of Europe/Berlin",
        "6 in 365",
    ):
        assert said in text, said


def test_evidence_against_a_signal_is_said_apart_in_both_languages_and_so_is_why(
    clinic: ClinicClient, kim: CareBrowser
) -> None:
    signal = against(clinic)

    english = words(kim.get(path_of(signal)).text)
    spanish = words(kim.get(f"{path_of(signal)}?lang=es").text)

    assert re.search(r"Evidence against PHQ-9 11 on Oct 31\. What would have changed it", english)
    assert clinic.signals(signal["patient_id"])[0]["explanation"].startswith("Consider a booster."), "stored"
    why = spanish[spanish.index("Por qué") : spanish.index("Cómo se decidió")]
    for said in (
        "Considere un refuerzo. Se ha perdido el",
        "en contra: PHQ-9 11 el 31 oct",
        "3 nov: ánimo 3, energía 3, sueño 3.",
        "Última infusión hace 24 días (10 oct)",
        "Indicios en contra PHQ-9 11 el 31 oct. Qué lo habría cambiado",
        "Para revisión por un clínico.",
    ):
        assert said in why, said
    assert ENGLISH.findall(why) == []
    assert ENGLISH.findall(spanish) == []
    assert not re.search(r"\d (?:AM|PM)\b|\b(?:Mood|energy|sleep|days|Nov|Sep) ", spanish)


def test_why_names_the_precautions_of_when_it_was_raised_and_those_of_now(
    clinic: ClinicClient, kim: CareBrowser
) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda _: (8, 8, 8), until=16)
    factors = f"/v1/patients/{patient}/factors"
    clinic.http.put(factors, json={"cautions": ["pregnancy"]}, headers={"if-match": '"0"'})
    clinic.import_days(patient, NOW - timedelta(days=7), [(3, 3, 3)] * 8)
    (signal,) = clinic.signals(patient)

    assert "Active precautions, when it was raised and now: pregnancy." in words(
        kim.get(path_of(signal)).text
    )

    clinic.http.put(factors, json={"cautions": ["mania"]}, headers={"if-match": '"1"'})
    english, spanish = (words(kim.get(f"{path_of(signal)}?lang={one}").text) for one in ("en", "es"))
    assert "Active precautions when it was raised: pregnancy; now: mania." in english
    assert "Precauciones activas al generarse: embarazo; ahora: manía." in spanish
    assert "Active precautions: mania." not in english, "as if the stored answer had known it"

    clinic.http.put(factors, json={"cautions": []}, headers={"if-match": '"2"'})
    assert "when it was raised: pregnancy; now: none." in words(kim.get(f"{path_of(signal)}?lang=en").text)


def test_an_answer_that_cannot_be_read_any_more_is_shown_in_its_stored_words_and_nothing_is_denied(
    clinic: ClinicClient, kim: CareBrowser, shared_database: DatabaseUrls
) -> None:
    signal = against(clinic)
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute(
            "UPDATE care.signals SET latest = latest - 'steady_on' WHERE id = %s", [signal["id"]]
        )

    page = words(kim.get(path_of(signal)).text)

    assert "against: PHQ-9 11 on Oct 31" in page
    assert "Evidence against None." not in page
    assert "Nothing was noted." not in page


def test_times_are_by_the_clinics_clock_with_the_patients_beside_them_where_they_differ(
    service: Service, clinic: ClinicClient, kim: CareBrowser, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    assert change_clinic(clinic, time_zone="America/New_York").status_code == 200
    signal = fading(clinic)
    receiver.wait_for("signal.raised")
    do(kim, signal, "acknowledge")

    page = until_noted(kim, path_of(signal), "delivered Nov 3")

    for said in (
        "Since Nov 3, 2026, 1:00 PM (just now; 7:00 PM for the patient)",
        "Raised by Afterglow itself, Nov 3, 2026, 1:00 PM (7:00 PM for the patient) (just now)",
        "Signal raised, Nov 3, 2026, 1:00 PM (7:00 PM for the patient): delivered Nov 3, 2026",
        "Times are by the clock of America/New_York. The patient's, of Europe/Berlin, stand beside them.",
        "Oct 10, 2026, 2:00 PM (8:00 PM for the patient) Induction",
        "Time zone Europe/Berlin, now 7:00 PM",
    ):
        assert said in page, said
    clinic.enrol(signal["patient_id"], service.url).check_in(NOW, (2, 2, 2), self_harm_thoughts=True)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    reported = words(kim.get(f"/care/safety-events/{event['id']}").text)
    assert "Reported Nov 3, 2026, 1:00 PM (7:00 PM for the patient) (just now)" in reported
    assert "Answered in a check-in, Nov 3, 1:00 PM (7:00 PM for the patient)." in reported
    assert "Tuesday, Nov 3 · by the clock in New York" in words(kim.get("/care/").text)


def test_a_stored_answer_that_this_release_cannot_read_is_shown_in_its_stored_words(
    clinic: ClinicClient, kim: CareBrowser, shared_database: DatabaseUrls
) -> None:
    signal = fading(clinic)
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE care.signals SET latest = jsonb_set(latest, '{criteria,0,reasons,0,code}', '\"of_later\"')"
            " WHERE id = %s",
            [signal["id"]],
        )

    page = kim.get(f"{path_of(signal)}?lang=es").text

    stored = clinic.signals(signal["patient_id"])[0]["explanation"]
    (said,) = re.findall(r'<ul lang="en">(.*?)</ul>', page)
    assert words(said) == stored


def test_every_number_is_called_as_in_the_page_of_numbers() -> None:
    assert set(NUMBERS.values()) <= {number.name for number in numbers_of()}


def test_a_signal_is_acknowledged_snoozed_returns_is_closed_and_reopened_by_plain_forms(
    service: Service, clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser
) -> None:
    assert "Noted: you have seen it." in do(kim, signal, "acknowledge")

    said = do(kim, signal, "snooze", until=day(3), reason="on holiday 🏝️")
    assert "Snoozed: comes back Nov 6, 2026, 8:00 AM" in said

    service.clock.move_to(NOW + timedelta(days=3))
    # A worker's note of it is a change too: whoever closes meanwhile would be asked to look again.
    service.sweep()
    back = until_noted(kim.come_back(), path_of(signal), "Came back from its snooze")
    assert "Acknowledged 3 days ago" in back

    closing = {"disposition": "booster_booked", "booster_booked_for": day(10)}
    said = do(kim, signal, "close", **closing, note="Tuesday <b>10:00</b>")
    assert "Closed Nov 6, 2026, 7:00 PM: Booster booked" in said
    assert "Next booster Nov 13, 2026" in said

    said = do(kim, signal, "reopen", reason="it was the other patient")
    assert "Not acknowledged" in said
    history = said[said.index("History") :]
    for step in (
        "Raised by Afterglow itself",
        "Acknowledged by Kim Example",
        "Snoozed (until Nov 6, 2026, 8:00 AM) by Kim Example",
        "on holiday 🏝️",
        "Closed (Booster booked) by Kim Example",
        "Tuesday <b>10:00</b>",
        "Reopened by Kim Example",
        "it was the other patient",
    ):
        assert step in history, step
    (stored,) = clinic.signals(signal["patient_id"])
    assert (stored["state"], stored["disposition"]) == ("open", None)


def test_a_snooze_is_ended_and_an_acknowledgement_taken_back_and_its_limit_starts_at_once(
    service: Service, clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser
) -> None:
    do(kim, signal, "acknowledge")
    do(kim, signal, "snooze", until=day(3), reason="on holiday")
    service.clock.move_to(NOW + timedelta(minutes=20))

    ended = do(kim, signal, "end-snooze")
    assert "The snooze has ended." in ended
    assert "Snooze ended by Kim Example" in ended
    said = do(kim, signal, "unacknowledge")

    assert "Taken back: it waits for someone again." in said
    assert "Not acknowledged; goes to the second contact in 24 hours" in said
    for step in ("Acknowledged by Kim Example", "Acknowledgement taken back by Kim Example"):
        assert step in said[said.index("History") :], step
    (stored,) = clinic.signals(signal["patient_id"])
    assert (stored["state"], stored["acknowledged_at"], stored["snoozed_until"]) == ("open", None, None)


@pytest.mark.parametrize(
    ("until", "reason", "said"),
    [
        (day(15), "on holiday", "A snooze ends in the future, at most 14 days from now."),
        (day(-1), "on holiday", "A snooze ends in the future, at most 14 days from now."),
        (day(3), "   ", "Please say why"),
        ("soon", "on holiday", "Please give the day, such as 2026-11-12."),
        ("9999-12-31", "on holiday", "Please give the day, such as 2026-11-12."),
        (day(3), "x" * 1001, "Please say why, in at most 1,000 characters"),
    ],
    ids=["too long", "in the past", "without a reason", "no day", "no day of ours", "too many words"],
)
def test_a_snooze_that_cannot_be_is_refused_and_what_was_typed_stays(
    clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser, until: str, reason: str, said: str
) -> None:
    path = path_of(signal)
    fields = fields_of(kim.get(path).text, f"{path}/snooze")

    reply = kim.post(f"{path}/snooze", fields | {"until": until, "reason": reason})

    assert reply.status_code == 422
    assert said in words(reply.text)
    assert f'name="until" value="{until}"' in reply.text
    assert f'name="reason" value="{reason.strip() or reason}"' in reply.text
    assert [one["state"] for one in clinic.signals(signal["patient_id"])] == ["open"]


def test_a_snooze_of_all_14_days_is_possible_at_any_time_of_day(
    service: Service, signal: dict[str, str], kim: CareBrowser
) -> None:
    service.clock.move_to(NOW + timedelta(hours=11, minutes=30))  # 06:30 in Berlin, the day after
    do(kim.come_back(), signal, "snooze", until=day(15), reason="on holiday")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Please choose an outcome."),
        ({"disposition": "consent_withdrawn"}, "Please choose an outcome."),
        ({"disposition": "booster_booked"}, "needs the booster's day"),
        (
            {"disposition": "booster_booked", "booster_booked_for": day(-3)},
            "A booster is booked for today or later",
        ),
    ],
)
def test_a_closing_that_says_too_little_is_refused_and_what_was_typed_stays(
    clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser, typed: dict[str, str], said: str
) -> None:
    path = path_of(signal)
    fields = fields_of(kim.get(path).text, f"{path}/close")

    reply = kim.post(f"{path}/close", fields | typed | {"note": "my own text"})

    assert reply.status_code == 422
    assert said in words(reply.text)
    assert "my own text</textarea>" in reply.text
    assert [one["state"] for one in clinic.signals(signal["patient_id"])] == ["open"]


def test_who_comes_second_sees_what_is_now_the_case_and_keeps_their_text(
    clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser, lee: CareBrowser
) -> None:
    path = path_of(signal)
    stale = fields_of(lee.get(path).text, f"{path}/close")
    do(kim, signal, "acknowledge")

    reply = lee.post(f"{path}/close", stale | {"disposition": "watchful_waiting", "note": "my own text"})

    assert reply.status_code == 412
    assert "Someone else changed this" in words(reply.text)
    assert "Acknowledged by Kim Example" in words(reply.text)
    assert "my own text</textarea>" in reply.text
    again = fields_of(reply.text, f"{path}/close") | {
        "disposition": "watchful_waiting",
        "note": "my own text",
    }
    assert lee.post(f"{path}/close", again).status_code == 303
    (stored,) = clinic.signals(signal["patient_id"])
    assert (stored["disposition"], stored["note"]) == ("watchful_waiting", "my own text")


def test_of_two_who_close_at_once_one_closes_and_the_other_is_refused(
    clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser, lee: CareBrowser
) -> None:
    path = path_of(signal)
    forms = [
        (
            who,
            fields_of(who.get(path).text, f"{path}/close") | {"disposition": chosen, "note": f"by {chosen}"},
        )
        for who, chosen in ((kim, "watchful_waiting"), (lee, "not_a_relapse"))
    ]

    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda one: one[0].post(f"{path}/close", one[1]), forms))

    assert sorted(reply.status_code for reply in replies) == [303, 412]
    ((loser, typed),) = [
        (reply, fields) for reply, (_, fields) in zip(replies, forms, strict=True) if reply.status_code == 412
    ]
    said = words(loser.text)
    assert "Someone else changed this" in said
    assert f"What you wrote {typed['note']}" in said
    assert "Closed Nov 3, 2026" in said
    (stored,) = clinic.signals(signal["patient_id"])
    assert stored["disposition"] != typed["disposition"]


def test_a_form_that_does_not_say_what_it_was_based_on_changes_nothing(
    signal: dict[str, str], kim: CareBrowser
) -> None:
    path = path_of(signal)
    fields = fields_of(kim.get(path).text, f"{path}/acknowledge")
    for version in ("", "x", "-1"):
        assert kim.post(f"{path}/acknowledge", fields | {"version": version}).status_code == 412


def test_a_form_of_another_browser_is_refused(
    signal: dict[str, str], kim: CareBrowser, lee: CareBrowser
) -> None:
    path = path_of(signal)
    fields = fields_of(kim.get(path).text, f"{path}/acknowledge")
    assert lee.post(f"{path}/acknowledge", fields).status_code == 403


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (StaffRole.OWNER, {"acknowledge", "snooze", "close"}),
        (StaffRole.CLINICIAN, {"acknowledge", "snooze", "close"}),
        (StaffRole.COORDINATOR, {"acknowledge", "snooze"}),
        (StaffRole.READ_ONLY, set()),
    ],
)
def test_what_someone_may_not_do_is_not_offered_and_refused_all_the_same(
    service: Service,
    clinic: ClinicClient,
    kim: CareBrowser,
    signal: dict[str, str],
    role: StaffRole,
    offered: set[str],
) -> None:
    member, path = CareBrowser(service, clinic.clinic_id, role), path_of(signal)
    fields = fields_of(kim.get(path).text)

    shown = set(re.findall(rf'action="{path}/([a-z]+)"', member.get(path).text))

    assert shown == offered
    for what in {"acknowledge", "snooze", "close", "reopen"} - offered - {"reopen"}:
        reply = member.post(f"{path}/{what}", fields)
        assert reply.status_code == 403
        assert "This is not for you to do" in words(reply.text)
    assert [one["state"] for one in clinic.signals(signal["patient_id"])] == ["open"]


@pytest.mark.parametrize("kind", ["signals", "safety-events"])
def test_another_clinics_is_a_page_that_is_not_there(
    service: Service, clinic: ClinicClient, signal: dict[str, str], kind: str
) -> None:
    phone = clinic.enrol(signal["patient_id"], service.url)
    phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    theirs = {"signals": signal["id"], "safety-events": event["id"]}[kind]
    other = CareBrowser(service, str(service.new_clinic("Other").clinic_id))
    token = fields_of(other.get(path_of(fading_elsewhere(service, other))).text)

    for one in (theirs, str(new_id()), "not-an-id"):
        assert other.get(f"/care/{kind}/{one}").status_code == 404
        assert other.post(f"/care/{kind}/{one}/acknowledge", token).status_code == 404


def fading_elsewhere(service: Service, other: CareBrowser) -> dict[str, str]:
    """A signal of that browser's own clinic, for a form that it may send."""
    clinic = clinic_client(service, "Third")
    signal = fading(clinic)
    other.cookies.update(CareBrowser(service, clinic.clinic_id).cookies)
    return signal


def until_noted(browser: CareBrowser, path: str, what: str) -> str:
    """Look at a page until it says something that a worker notes shortly after; gives its words."""
    end = time.monotonic() + 20
    while what not in (said := words(browser.get(path).text)):
        assert time.monotonic() < end, said
        time.sleep(0.05)
    return said


def test_an_open_safety_event_stands_above_the_patients_signal(
    service: Service, clinic: ClinicClient, signal: dict[str, str], kim: CareBrowser
) -> None:
    clinic.enrol(signal["patient_id"], service.url).check_in(NOW, (3, 3, 3), self_harm_thoughts=True)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert f'href="/care/safety-events/{event["id"]}"' in kim.get(path_of(signal)).text


def test_who_opened_the_patient_in_an_emergency_is_offered_what_that_lets_them_do(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, signal: dict[str, str]
) -> None:
    reader, path = CareBrowser(service, clinic.clinic_id, StaffRole.READ_ONLY), path_of(signal)
    caller = service.run(find_caller(service.context, reader.cookies[SESSION], TokenKind.STAFF_SESSION))
    assert f'action="{path}/' not in reader.get(path).text
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO care.emergency_accesses (clinic_id, id, staff_id, patient_id, reason_sealed, opened_at,"
            " ends_at) VALUES (%s, gen_random_uuid(), %s, %s, '', %s, %s)",
            [clinic.clinic_id, caller.id, signal["patient_id"], NOW, NOW + timedelta(hours=1)],
        )

    shown = set(re.findall(rf'action="{path}/([a-z]+)"', reader.get(path).text))

    assert shown == {"acknowledge", "snooze", "close"}
    assert "Closed" in do(reader, signal, "close", disposition="watchful_waiting")
