"""Silence longer than the plan allows is reported to the clinic once, and again only after it was broken."""

from datetime import timedelta

import psycopg
import pytest

from tests.care.reminders.conftest import EVENING, Evening
from tests.support.databases import DatabaseUrls
from tests.support.receiver import Receiver

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def overdue_events(evening: Evening) -> list[str]:
    """Which notifications of silence were written, whatever became of their delivery."""
    (endpoint,) = evening.clinic.http.get("/v1/webhook-endpoints").json()["items"]
    deliveries = evening.clinic.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    return [one["type"] for one in deliveries if one["type"] == "check_ins.overdue"]


def test_silence_is_reported_once_and_again_after_it_was_broken(evening: Evening, receiver: Receiver) -> None:
    evening.clinic.add_endpoint(receiver.url)
    patient = evening.patient(days_since=1)
    counts = []
    for days in range(8):
        evening.look(EVENING + days * DAY)
        counts.append(len(overdue_events(evening)))
    # The plan starts on the infusion's day; more than three silent days are reported, on the fourth.
    assert counts == [0, 0, 0, 1, 1, 1, 1, 1]
    evening.service.clock.move_to(EVENING + 8 * DAY)
    phone = evening.clinic.enrol(patient, evening.service.url)
    assert phone.check_in(EVENING + 8 * DAY).status_code == 201
    for days in range(8, 16):
        evening.look(EVENING + days * DAY)
    assert len(overdue_events(evening)) == 2


def test_after_a_withdrawn_consent_silence_means_nothing(evening: Evening, receiver: Receiver) -> None:
    evening.clinic.add_endpoint(receiver.url)
    phone = evening.clinic.enrol(evening.patient(days_since=1), evening.service.url)
    phone.http.post("/v1/me/consent/withdraw", json={})
    for days in range(8):
        evening.look(EVENING + days * DAY)
    assert overdue_events(evening) == []


def test_it_raises_no_signal_and_changes_no_level(evening: Evening, receiver: Receiver) -> None:
    evening.clinic.add_endpoint(receiver.url)
    patient = evening.patient(days_since=1)
    before = evening.clinic.evaluation(patient)["level"]
    for days in range(6):
        evening.look(EVENING + days * DAY)
    assert len(overdue_events(evening)) == 1
    assert evening.clinic.signals(patient) == []
    assert evening.clinic.evaluation(patient)["level"] == before


@pytest.mark.parametrize("answers", [False, True], ids=["stays silent", "checks in"])
def test_while_someone_writes_for_a_patient_silence_is_not_judged_and_the_others_do_not_wait(
    evening: Evening, receiver: Receiver, own_database: DatabaseUrls, *, answers: bool
) -> None:
    evening.clinic.add_endpoint(receiver.url)
    patient, _other = evening.patient(days_since=1), evening.patient(days_since=1)
    for days in range(3):
        evening.look(EVENING + days * DAY)
    with psycopg.connect(own_database.superuser_url) as writer:
        writer.execute("SELECT FROM care.patient_states WHERE patient_id = %s FOR UPDATE", [patient])
        assert evening.look(EVENING + 3 * DAY) == 2
        assert len(overdue_events(evening)) == 1
        evening.look(EVENING + 3 * DAY + MINUTE)
        assert len(overdue_events(evening)) == 1
    if answers:
        phone = evening.clinic.enrol(patient, evening.service.url)
        assert phone.check_in(evening.service.clock.now()).status_code == 201
    evening.look(EVENING + 3 * DAY + 2 * MINUTE)
    assert len(overdue_events(evening)) == (1 if answers else 2)


def overdue(evening: Evening, patient: str) -> list[str]:
    rows = evening.clinic.http.get("/v1/worklist", params={"kind": "overdue"}).json()["items"]
    return [one["patient"]["id"] for one in rows if one["patient"]["id"] == patient]


def test_a_check_in_on_the_day_of_registering_an_old_course_ends_the_silence_at_once(
    evening: Evening,
) -> None:
    patient = evening.patient(days_since=60)
    evening.look()
    assert overdue(evening, patient) == [patient]
    evening.service.clock.move_to(EVENING + MINUTE)
    phone = evening.clinic.enrol(patient, evening.service.url)
    assert phone.check_in(EVENING + MINUTE).status_code == 201
    assert overdue(evening, patient) == []
    evening.look(EVENING + 2 * MINUTE)
    assert overdue(evening, patient) == []


def test_whoever_agrees_again_after_40_days_is_silent_only_from_then_on(evening: Evening) -> None:
    patient = evening.patient(days_since=1)
    phone = evening.clinic.enrol(patient, evening.service.url)
    assert phone.check_in(EVENING - 5 * MINUTE).status_code == 201
    assert phone.http.post("/v1/me/consent/withdraw", json={}).status_code < 300
    evening.look()
    later = EVENING + 40 * DAY
    evening.service.clock.move_to(later - 10 * MINUTE)
    phone = evening.clinic.enrol(patient, evening.service.url)
    version = phone.http.get("/v1/me/consent").json()["text"]["version"]
    agreed = phone.http.post("/v1/me/consent", json={"version": version, "accepted": True})
    assert agreed.is_success, agreed.text
    evening.look(later)
    assert overdue(evening, patient) == []
    evening.look(later + 2 * DAY)
    assert overdue(evening, patient) == []
    evening.look(later + 30 * DAY)
    assert overdue(evening, patient) == [patient]
