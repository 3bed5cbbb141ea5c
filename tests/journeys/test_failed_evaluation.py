"""When our own evaluation fails, what the patient reported is kept, reported, and evaluated later."""

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta

import httpx2
import psycopg
import pytest

from app.clinical.protocol import STANDARD, Protocol
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service, running_service


class BreakableProtocol(Protocol):
    """The standard rule; while ``broken``, every number that it asks for fails."""

    broken = False

    def __getattribute__(self, name: str) -> object:
        if BreakableProtocol.broken and not name.startswith("__"):
            raise ZeroDivisionError
        return super().__getattribute__(name)


@pytest.fixture
def breakable(own_database: DatabaseUrls) -> Iterator[Service]:
    rule = BreakableProtocol(**{field.name: getattr(STANDARD, field.name) for field in fields(STANDARD)})
    with running_service(own_database.application_url, protocol=rule) as running:
        yield running
    BreakableProtocol.broken = False


def eventually(true: Callable[[], bool], within: float = 60) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def fading(clinic: ClinicClient) -> str:
    """A patient whose next low report raises a signal."""
    return treated(
        clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 19 else (3, 3, 3), until=22
    )


def test_a_rule_that_fails_costs_no_check_in_and_no_statement(breakable: Service) -> None:
    clinic = clinic_client(breakable)
    patient = fading(clinic)
    phone = clinic.enrol(patient, breakable.url)
    assert clinic.signals(patient) == []

    BreakableProtocol.broken = True
    sent = [
        phone.check_in(NOW - timedelta(days=days), (3, 3, 3), self_harm_thoughts=days == 0) for days in (1, 0)
    ]
    batch = phone.http.post("/v1/check-ins/batch", json={"items": [{"id": "x"}]})

    assert [reply.status_code for reply in (*sent, batch)] == [201, 201, 200]
    assert sent[1].json()["crisis_help"]
    assert len(clinic.http.get("/v1/safety-events").json()["items"]) == 1
    assert {reply.json()["id"] for reply in sent} <= {
        one["id"] for one in phone.http.get("/v1/check-ins?limit=200").json()["items"]
    }
    assert clinic.signals(patient) == []

    BreakableProtocol.broken = False
    eventually(lambda: len(clinic.signals(patient)) == 1)
    assert clinic.evaluation(patient)["level"] == "consider_booster"
    clinic.close()


def of_a_lost_benefit(clinic: ClinicClient) -> str:
    """A patient who has lost everything, and of whom the rule has said so."""
    return treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 18 else (3, 3, 3))


def enter_infusion(clinic: ClinicClient, patient: str) -> httpx2.Response:
    given = {"given_at": (NOW - timedelta(minutes=1)).isoformat(), "phase": "booster"}
    return clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)


def enter_course(clinic: ClinicClient, patient: str) -> httpx2.Response:
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": NOW.date().isoformat()}
    return clinic.http.post(f"/v1/patients/{patient}/courses", json=course)


def stop_course(clinic: ClinicClient, patient: str) -> httpx2.Response:
    path = f"/v1/patients/{patient}/courses/current"
    etag = clinic.http.get(path).headers["etag"]
    BreakableProtocol.broken = True
    return clinic.http.patch(path, json={"stopped_on": NOW.date().isoformat()}, headers={"if-match": etag})


def withdraw_check_in(clinic: ClinicClient, patient: str) -> httpx2.Response:
    phone = clinic.enrol(patient, str(clinic.http.base_url))
    item = phone.http.get("/v1/check-ins?limit=1").json()["items"][0]
    return phone.http.delete(f"/v1/check-ins/{item['id']}")


def enter_assessment(clinic: ClinicClient, patient: str) -> httpx2.Response:
    form = {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": [2] * 9}
    return clinic.http.post(f"/v1/patients/{patient}/assessments", json=form)


def book_booster(clinic: ClinicClient, patient: str) -> httpx2.Response:
    path = f"/v1/patients/{patient}/booked-booster"
    return clinic.http.put(path, json={"on": (NOW + timedelta(days=3)).date().isoformat()})


ENTRIES: list[tuple[Callable[[ClinicClient, str], httpx2.Response], str]] = [
    (enter_infusion, "SELECT count(*) FROM care.infusions WHERE patient_id = %s AND phase = 'booster'"),
    (enter_course, "SELECT count(*) - 1 FROM care.courses WHERE patient_id = %s"),
    (stop_course, "SELECT count(*) FROM care.courses WHERE patient_id = %s AND stopped_on IS NOT NULL"),
    (
        withdraw_check_in,
        "SELECT count(*) FROM care.check_ins WHERE patient_id = %s AND withdrawn_at IS NOT NULL",
    ),
    (enter_assessment, "SELECT count(*) FROM care.assessments WHERE patient_id = %s"),
    (
        book_booster,
        "SELECT count(*) FROM care.patient_states WHERE patient_id = %s AND booster_booked_for IS NOT NULL",
    ),
]


@pytest.mark.parametrize(("enter", "count"), ENTRIES, ids=[enter.__name__ for enter, _ in ENTRIES])
def test_what_staff_or_patients_enter_is_kept_and_evaluated_later(
    own_database: DatabaseUrls,
    breakable: Service,
    enter: Callable[[ClinicClient, str], httpx2.Response],
    count: str,
) -> None:
    clinic = clinic_client(breakable)
    patient = of_a_lost_benefit(clinic)

    BreakableProtocol.broken = enter is not stop_course
    reply = enter(clinic, patient)

    if enter in (enter_infusion, withdraw_check_in, book_booster):
        assert reply.status_code in {200, 201, 204}, "the others' replies say what the rule makes of it"
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:

        def ask(question: str) -> object:
            row = connection.execute(question.encode(), [patient]).fetchone()
            return row and row[0]

        assert ask(count) == 1
        assert ask("SELECT packed_state FROM care.patient_states WHERE patient_id = %s") is None
        if enter is enter_assessment:
            assert ask("SELECT count(*) FROM care.safety_events WHERE patient_id = %s") == 1
        if enter is enter_infusion:
            assert ask("SELECT disposition FROM care.signals WHERE patient_id = %s") == "booster_given"
        BreakableProtocol.broken = False
        eventually(
            lambda: ask("SELECT packed_state FROM care.patient_states WHERE patient_id = %s") is not None
        )
    assert clinic.evaluation(patient)["level"]
    clinic.close()


def closed_by_a_wrong_booster(clinic: ClinicClient) -> tuple[str, str]:
    """A patient whose signal a booster closed that was another patient's; gives where that is voided, too."""
    patient = of_a_lost_benefit(clinic)
    given = {"given_at": NOW.isoformat(), "phase": "booster"}
    made = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)
    assert [one["disposition"] for one in clinic.signals(patient)] == ["booster_given"]
    return patient, f"/v1/patients/{patient}/infusions/{made.json()['id']}/void"


@pytest.mark.parametrize("why", ["fails", "is long"])
def test_a_correction_whose_evaluation_fails_or_is_long_is_worked_out_in_the_background_and_says_so(
    own_database: DatabaseUrls, breakable: Service, why: str
) -> None:
    clinic = clinic_client(breakable)
    patient, path = closed_by_a_wrong_booster(clinic)
    (signal,) = clinic.signals(patient)
    if why == "is long":
        with psycopg.connect(own_database.superuser_url) as connection:
            more = "UPDATE care.patient_states SET sync_sequence = sync_sequence + 5000 WHERE patient_id = %s"
            assert connection.execute(more, [patient]).rowcount == 1
    BreakableProtocol.broken = why == "fails"

    reply = clinic.http.post(path, json={"reason": "another patient's"})

    assert reply.status_code == 200, reply.text
    assert (reply.json()["status"], reply.json()["changed"]["evaluated"]) == (
        "entered_in_error",
        "in_background",
    )
    corrected = clinic.http.get("/v1/events", params={"limit": 200}).json()["items"]
    assert "record.corrected" in [one["type"] for one in corrected]
    BreakableProtocol.broken = False
    eventually(lambda: clinic.signals(patient)[0]["state"] == "open")
    assert [one["id"] for one in clinic.signals(patient)] == [signal["id"]], (
        "the same signal, with its history"
    )
    assert clinic.evaluation(patient)["level"] == "consider_booster"
    said = [one["type"] for one in clinic.http.get("/v1/events", params={"limit": 200}).json()["items"]]
    assert said.count("signal.reopened") == 1
    clinic.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not packed",
        *(zlib.compress(one) for one in (b'[7,"gain-lost 2.0",null]', b"{}", b"[]", b"null", b'"text"')),
    ],
)
def test_a_damaged_memory_repairs_itself(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, damage: bytes
) -> None:
    patient = fading(clinic)
    phone = clinic.enrol(patient, service.url)
    with psycopg.connect(shared_database.superuser_url) as connection:
        changed = connection.execute(
            "UPDATE care.patient_states SET packed_state = %s WHERE patient_id = %s",
            [damage, patient],
        )
        assert changed.rowcount == 1

    sent = [phone.check_in(NOW - timedelta(days=days), (3, 3, 3)) for days in (1, 0)]

    assert [reply.status_code for reply in sent] == [201, 201]
    eventually(lambda: len(clinic.signals(patient)) == 1)
    assert clinic.evaluation(patient)["level"] == "consider_booster"
