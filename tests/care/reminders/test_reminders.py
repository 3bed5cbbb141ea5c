"""A patient is asked for what is due, once, over one way, and not when it is answered, paused or over."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.care.patients import magic_links
from app.care.reminders.due_reminders import remind_due
from app.foundation.tokens import base64url
from app.notifications.messages.mail import _BY_MESSAGE, _proof
from tests.care.reminders.conftest import EVENING, Evening
from tests.storage.catalogue import ask, execute
from tests.support.databases import DatabaseUrls
from tests.support.problems import assert_problem
from tests.support.push_service import running_push_service

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def state(evening: Evening, patient: str) -> dict[str, Any]:
    reply = evening.clinic.http.get(f"/v1/patients/{patient}/reminders")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def choose(evening: Evening, patient: str, **choices: object) -> dict[str, Any]:
    phone = evening.clinic.enrol(patient, evening.service.url)
    reply = phone.http.patch("/v1/me", json={"reminders": choices})
    assert reply.status_code == 200, reply.text
    return dict(reply.json()["reminders"])


def test_at_the_chosen_time_a_mail_asks_and_says_nothing_clinical(evening: Evening) -> None:
    patient = evening.patient()
    assert evening.look(EVENING - MINUTE) == 0
    assert evening.look(EVENING) == 1
    (letter,) = evening.send()
    assert letter.to == f"{patient}@example.org"
    assert "https://afterglow.test/p/check-in" in letter.body
    assert letter.message["subject"] == "[TEST] You have a message from your clinic"
    for secret in (patient, evening.clinic.clinic_id, "Berlin"):
        assert secret not in letter.raw.decode().replace(letter.to, "")


def test_it_asks_once_however_often_anybody_looks(evening: Evening) -> None:
    evening.patient()
    assert [evening.look(EVENING + minutes * MINUTE) for minutes in (0, 0, 1, 90)] == [1, 0, 0, 0]
    assert len(evening.send()) == 1
    assert evening.send() == []


def test_many_who_look_at_once_ask_once(evening: Evening) -> None:
    for _ in range(3):
        evening.patient()
    evening.service.clock.move_to(EVENING)
    context, clinic_id = evening.service.context, UUID(evening.clinic.clinic_id)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(remind_due(context, clinic_id) for _ in range(6)))

    assert sum(evening.service.run(all_at_once())) == 3
    assert len(evening.send()) == 3


def test_who_has_answered_is_not_asked(evening: Evening) -> None:
    phone = evening.clinic.enrol(evening.patient(), evening.service.url)
    phone.check_in(EVENING - timedelta(hours=3))
    assert evening.look() == 0


def test_an_answer_cancels_a_reminder_that_waits(evening: Evening) -> None:
    phone = evening.clinic.enrol(evening.patient(), evening.service.url)
    assert evening.look() == 1
    phone.check_in(EVENING)
    assert evening.send() == []
    assert evening.send(EVENING + timedelta(hours=2)) == []


def test_a_reminder_that_could_not_go_before_the_quiet_hours_never_goes(evening: Evening) -> None:
    evening.patient()
    assert evening.look() == 1
    assert evening.send(EVENING + timedelta(hours=3)) == []


def test_a_worker_that_was_down_all_evening_asks_nobody_at_night(evening: Evening) -> None:
    evening.patient()
    assert evening.look(EVENING + timedelta(hours=3)) == 0
    assert evening.look(EVENING + timedelta(hours=13)) == 0
    assert evening.look(EVENING + DAY) == 1


def test_nobody_is_asked_before_a_course_or_after_it(evening: Evening) -> None:
    evening.clinic.patient()
    patient = evening.patient()
    course = evening.clinic.http.get(f"/v1/patients/{patient}/courses/current")
    stopped = evening.clinic.http.patch(
        f"/v1/patients/{patient}/courses/current",
        json={"stopped_on": EVENING.date().isoformat()},
        headers={"if-match": course.headers["etag"]},
    )
    assert stopped.status_code == 200, stopped.text
    assert evening.look() == 0


@pytest.mark.parametrize("reason", ["care_ended", "deceased"])
def test_who_is_archived_is_asked_no_more_and_what_waits_does_not_go(evening: Evening, reason: str) -> None:
    path = f"/v1/patients/{evening.patient()}"
    assert evening.look() == 1
    assert evening.clinic.http.post(f"{path}/archive", json={"reason": reason}).status_code == 200
    assert evening.send() == []
    assert evening.look(EVENING + DAY) == 0
    assert evening.clinic.http.post(f"{path}/unarchive", json={}).status_code == 200
    assert evening.look(EVENING + 2 * DAY) == 1


@pytest.mark.parametrize("reason", ["care_ended", "deceased"])
def test_no_sign_in_link_is_made_for_who_is_archived_or_sent_when_an_old_one_asks_for_it(
    evening: Evening, reason: str
) -> None:
    path = f"/v1/patients/{evening.patient()}"
    token = evening.clinic.http.post(f"{path}/sign-in-links").json()["url"].rpartition("/")[2]
    assert len(evening.send()) == 1
    assert evening.clinic.http.post(f"{path}/archive", json={"reason": reason}).status_code == 200

    assert_problem(evening.clinic.http.post(f"{path}/sign-in-links"), 409, code="archived")
    send_again = partial(magic_links.send_again, evening.service.context, token)
    evening.service.run(send_again(address="198.51.100.1"))
    assert evening.send() == []

    assert evening.clinic.http.post(f"{path}/unarchive", json={}).status_code == 200
    evening.service.run(send_again(address="198.51.100.1"))
    assert len(evening.send()) == 1


def test_a_withdrawn_consent_ends_it_also_for_what_waits(evening: Evening) -> None:
    phone = evening.clinic.enrol(evening.patient(), evening.service.url)
    assert evening.look() == 1
    assert phone.http.post("/v1/me/consent/withdraw", json={}).status_code in {200, 204}
    assert evening.send() == []
    assert evening.look(EVENING + DAY) == 0


def test_two_workers_take_different_reminders_and_nobody_is_asked_twice(evening: Evening) -> None:
    patients = [evening.patient() for _ in range(4)]
    assert evening.look() == 4
    attempted, letters = evening.send_by_two_workers()
    assert attempted == [2, 2]
    assert sorted(letter.to for letter in letters) == sorted(f"{one}@example.org" for one in patients)
    assert evening.send() == []


def test_on_the_clinics_days_without_reminders_nobody_is_asked(evening: Evening) -> None:
    evening.patient()
    days = {"days": [EVENING.date().isoformat(), "2026-12-25", "2026-12-25"]}
    kept = evening.clinic.http.put("/v1/clinic/days-without-reminders", json=days)
    assert kept.json() == {"days": [EVENING.date().isoformat(), "2026-12-25"]}
    assert evening.clinic.http.get("/v1/clinic/days-without-reminders").json() == kept.json()
    assert evening.look() == 0
    assert evening.look(EVENING + DAY) == 1


def test_a_pause_holds_until_its_day(evening: Evening) -> None:
    patient = evening.patient()
    until = (EVENING + DAY).date().isoformat()
    assert choose(evening, patient, paused_until=until)["paused_until"] == until
    assert evening.look() == 0
    assert evening.look(EVENING + DAY) == 1


def test_the_patient_chooses_when(evening: Evening) -> None:
    patient = evening.patient()
    chosen = choose(evening, patient, ask_at="19:30", quiet_from="20:00")
    assert (chosen["ask_at"], chosen["quiet_from"], chosen["quiet_until"]) == ("19:30", "20:00", "08:00")
    assert evening.look(EVENING + 89 * MINUTE) == 0
    assert evening.look(EVENING + 90 * MINUTE) == 1


def test_a_time_that_has_passed_is_tomorrows(evening: Evening) -> None:
    choose(evening, evening.patient(), ask_at="08:30")
    assert evening.look() == 0
    assert evening.look(EVENING + timedelta(hours=14, minutes=30)) == 1


def test_who_lands_in_another_zone_is_asked_there_and_not_twice(evening: Evening) -> None:
    phone = evening.clinic.enrol(evening.patient(), evening.service.url)
    assert evening.look() == 1
    assert phone.http.patch("/v1/me", json={"time_zone": "America/New_York"}).status_code == 200
    assert [evening.look(EVENING + timedelta(hours=hours)) for hours in (0, 6, 7)] == [0, 0, 0]
    assert evening.look(EVENING + timedelta(hours=30)) == 1


def test_who_lands_after_the_hour_is_asked_on_landing(evening: Evening) -> None:
    phone = evening.clinic.enrol(evening.patient(), evening.service.url)
    phone.http.patch("/v1/me", json={"time_zone": "Asia/Dubai"})
    assert evening.look(EVENING - 5 * MINUTE) == 1, "five to nine in Dubai"


def test_a_push_comes_before_a_mail_and_goes_to_every_device_as_one_reminder(evening: Evening) -> None:
    patient = evening.patient()
    phones = [evening.clinic.enrol(patient, evening.service.url) for _ in range(2)]
    with running_push_service() as browser:
        for phone in phones:
            assert phone.http.put("/v1/me/push-subscription", json=browser.subscription).status_code == 204
        assert evening.look() == 1
        assert evening.send() == []
        assert len(browser.pushes) == 2
    assert state(evening, patient)["reached_by"] == "push"


def test_a_revoked_device_gets_nothing_more(evening: Evening) -> None:
    patient = evening.patient(email=False)
    phone = evening.clinic.enrol(patient, evening.service.url)
    with running_push_service() as browser:
        phone.http.put("/v1/me/push-subscription", json=browser.subscription)
        assert evening.look() == 1
        (device,) = phone.http.get("/v1/me/devices").json()["items"]
        assert phone.http.delete(f"/v1/me/devices/{device['id']}").status_code == 204
        evening.send()
        assert browser.pushes == []
    assert state(evening, patient)["reached_by"] is None
    assert evening.look(EVENING + DAY) == 0


def test_a_mails_own_button_stops_mails_and_nothing_else(evening: Evening) -> None:
    patient = evening.patient()
    evening.look()
    (letter,) = evening.send()
    address = letter.message["list-unsubscribe"].strip("<>")
    path = address.removeprefix("https://afterglow.test")
    for _ in range(2):
        reply = evening.clinic.http.post(
            path,
            headers={"authorization": "", "content-type": "application/x-www-form-urlencoded"},
            content=b"List-Unsubscribe=One-Click",
        )
        assert reply.status_code == 204, reply.text
    assert evening.look(EVENING + DAY) == 0
    assert state(evening, patient)["channels"] == ["push", "gateway"]
    changed = path[:-1] + ("A" if path[-1] != "A" else "Q")
    for wrong in (
        changed[:-3],
        "/v1/unsubscribe/x",
        changed.replace("/v1/unsubscribe/", "/v1/unsubscribe/A"),
    ):
        assert_problem(evening.clinic.http.post(wrong), 404, code="unsubscribe-link-not-valid")


def test_a_duplicates_mails_own_button_stops_mails_to_whom_it_was_merged_into(evening: Evening) -> None:
    duplicate = evening.patient()
    evening.look()
    (letter,) = evening.send()
    stays = evening.patient()
    merging = {"into": stays, "reason": "Registered twice"}
    merged = evening.clinic.http.post(f"/v1/patients/{duplicate}/merge", json=merging)
    assert merged.is_success, merged.text
    path = letter.message["list-unsubscribe"].strip("<>").removeprefix("https://afterglow.test")
    reply = evening.clinic.http.post(path, headers={"authorization": ""})
    assert reply.status_code == 204, reply.text
    assert state(evening, stays)["channels"] == ["push", "gateway"]


def test_a_mails_own_button_works_when_the_mail_is_no_longer_kept(
    evening: Evening, own_database: DatabaseUrls
) -> None:
    patient, clinic_id = evening.patient(), evening.clinic.clinic_id
    evening.look()
    (letter,) = evening.send()
    path = letter.message["list-unsubscribe"].strip("<>").removeprefix("https://afterglow.test")
    (mail,) = ask(
        own_database.superuser_url,
        "SELECT id FROM care.outgoing_messages WHERE clinic_id = %(clinic)s AND patient_id = %(patient)s",
        clinic=clinic_id,
        patient=patient,
    )
    ids = UUID(clinic_id).bytes + mail["id"].bytes
    proof = _proof(evening.service.context.vault, _BY_MESSAGE, ids)
    of_before = f"/v1/unsubscribe/{base64url(ids + proof)}"
    assert evening.clinic.http.post(of_before).status_code == 204
    assert state(evening, patient)["channels"] == ["push", "gateway"]
    choose(evening, patient, channels=["push", "email"])
    removing = f"DELETE FROM care.outgoing_messages WHERE id = '{mail['id']}'"  # noqa: S608 - the test's own
    execute(own_database.superuser_url, removing)
    assert_problem(evening.clinic.http.post(of_before), 404, code="unsubscribe-link-not-valid")
    assert evening.clinic.http.post(path).status_code == 204
    assert state(evening, patient)["channels"] == ["push"]


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({"ask_at": "21:30"}, "asked-in-quiet-hours"),
        ({"quiet_from": "17:00"}, "asked-in-quiet-hours"),
        ({"sms_number": "0151 2345"}, "number-not-usable"),
        ({"ask_at": "25:00"}, None),
        ({"ask_at": "9"}, None),
        ({"channels": ["fax"]}, None),
        ({"often": True}, None),
    ],
)
def test_choices_that_cannot_be_kept_are_refused(
    evening: Evening, choices: dict[str, object], code: str | None
) -> None:
    phone = evening.clinic.enrol(evening.clinic.patient(), evening.service.url)
    assert_problem(phone.http.patch("/v1/me", json={"reminders": choices}), 422, code=code)


def test_what_was_chosen_stays_what_was_not_named_too(evening: Evening) -> None:
    patient = evening.patient()
    first = choose(evening, patient, channels=["email", "push", "email"], sms_number="+14155550123")
    assert (first["channels"], first["sms_number"]) == (["email", "push"], "+14155550123")
    second = choose(evening, patient, ask_at="12:00")
    assert second == first | {"ask_at": "12:00"}
    assert choose(evening, patient, sms_number=None)["sms_number"] is None


def test_a_number_lies_nowhere_open(evening: Evening, own_database: DatabaseUrls) -> None:
    choose(evening, evening.patient(), sms_number="+14155550123")
    with psycopg.connect(own_database.superuser_url) as connection:
        rows = connection.execute("SELECT p::text FROM care.reminder_plans p").fetchall()
    assert not [row for (row,) in rows if "4155550123" in row or b"+14155550123".hex() in row]


def test_the_clinic_sees_when_a_patient_was_asked(evening: Evening) -> None:
    patient = evening.patient()
    evening.look()
    seen = state(evening, patient)
    assert [(one["check_in_day"], one["channel"]) for one in seen["latest"]] == [
        (EVENING.date().isoformat(), "email")
    ]
    assert (seen["ask_at"], seen["reached_by"], seen["overdue"]) == ("18:00", "email", False)
    assert seen["next_look_at"].startswith((EVENING + DAY).date().isoformat())


def test_one_patient_at_whom_looking_fails_does_not_silence_the_others(
    evening: Evening, own_database: DatabaseUrls
) -> None:
    broken, fine = evening.patient(), evening.patient()
    with psycopg.connect(own_database.superuser_url) as connection:
        connection.execute("UPDATE care.patients SET email_sealed = 'x' WHERE id = %s", [broken])
    assert evening.look() == 1
    assert [letter.to for letter in evening.send()] == [f"{fine}@example.org"]
    with psycopg.connect(own_database.superuser_url) as connection:
        (next_look,) = connection.execute(
            "SELECT next_look_at FROM care.reminder_plans WHERE patient_id = %s", [broken]
        ).fetchone() or (None,)
    assert next_look == EVENING + timedelta(hours=1)


def test_a_burst_asks_nobody_while_reminders_are_paused_and_is_due_all_the_same(evening: Evening) -> None:
    patient = evening.patient(days_since=40)
    last = EVENING - timedelta(days=40, hours=4)
    evening.clinic.import_days(patient, last - timedelta(days=20), [(3, 3, 3)] * 9)
    evening.clinic.import_days(patient, last + DAY, [(8, 8, 8)] * 37)
    phone = evening.clinic.enrol(patient, evening.service.url)
    evening.service.clock.move_to(EVENING - DAY)
    assert phone.check_in(EVENING - DAY, (3, 3, 3)).is_success
    paused = {"paused_until": (EVENING + 7 * DAY).date().isoformat()}
    assert phone.http.patch("/v1/me", json={"reminders": paused}).status_code == 200

    asked = [evening.look(EVENING + day * DAY) for day in range(3)]
    assert asked == [0, 0, 0]
    phone = evening.clinic.enrol(patient, evening.service.url)
    schedule = phone.http.get("/v1/me/schedule").json()
    assert schedule["cadence"] == "daily"
    days = [(EVENING + day * DAY).date().isoformat() for day in (2, 3, 4)]
    assert schedule["due_days"][:3] == days
