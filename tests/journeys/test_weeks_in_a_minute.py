"""An integrator of a clinic in test mode moves its clock: induction, loss, signal and booster in a minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx2
import pytest

from tests.support.clinics import drilled
from tests.support.people import CONFIRMED, ClinicClient, PatientClient, Values, clinic_client, item
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service

DAY = 86_400


@pytest.fixture
def moving(service: Service) -> ClinicClient:
    return clinic_client(service, "Moving clinic")


def advance(clinic: ClinicClient, *, days: float) -> datetime:
    reply = clinic.http.post("/v1/test-clock/advance", json={"seconds": int(days * DAY)})
    assert reply.status_code == 200, reply.text
    return datetime.fromisoformat(reply.json()["now"])


def send_days(phone: PatientClient, now: datetime, values: Sequence[Values]) -> None:
    """Send the reports of the last days at once, as a phone does that was without a network."""
    first = now - timedelta(days=len(values) - 1)
    items = [item(first + timedelta(days=day), one) for day, one in enumerate(values)]
    results = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]
    assert [one["status"] for one in results] == [201] * len(items), results


def infuse(clinic: ClinicClient, patient: str, at: datetime, phase: str) -> None:
    body = {"given_at": at.isoformat(), "phase": phase} | CONFIRMED
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=body).status_code == 201


def test_an_integrator_sees_induction_loss_signal_and_booster_in_a_minute(
    service: Service, moving: ClinicClient, receiver: Receiver
) -> None:
    receiver.secret = moving.add_endpoint(receiver.url)["secret"]
    patient = moving.patient()
    phone = moving.enrol(patient, service.url)

    now = advance(moving, days=14)
    send_days(phone, now, [(3, 3, 3)] * 14)
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": now.date().isoformat()}
    assert moving.http.post(f"/v1/patients/{patient}/courses", json=course).status_code == 201
    for number in range(6):
        infuse(moving, patient, now + timedelta(minutes=1), "induction")
        now = advance(moving, days=2 if number < 5 else 10)
    send_days(phone, now, [(8, 8, 8)] * 9)
    assert moving.evaluation(patient)["level"] == "steady"
    now = advance(moving, days=8)
    send_days(phone, now, [(4, 4, 4)] * 8)

    event = receiver.wait_for("signal.raised")[0]
    assert event.verified
    (signal,) = moving.signals(patient, state="open")
    assert NOW + timedelta(days=40) < datetime.fromisoformat(signal["raised_at"]) < NOW + timedelta(days=45)

    infuse(moving, patient, now, "booster")
    closed = moving.http.get(f"/v1/signals/{signal['id']}").json()
    assert (closed["state"], closed["disposition"]) == ("closed", "booster_given")
    now = advance(moving, days=5)
    send_days(phone, now, [(8, 8, 8)] * 4)
    assert moving.evaluation(patient)["level"] == "steady"


def test_only_this_clinic_lives_ahead_and_its_audit_log_goes_by_the_real_time(
    service: Service, moving: ClinicClient
) -> None:
    other = clinic_client(service, "Staying clinic")
    phone = other.enrol(other.patient(), service.url)

    now = advance(moving, days=30)

    assert now == NOW + timedelta(days=30)
    refused = phone.check_in(now)
    assert_problem(refused, 422, code="check-in-in-future")
    assert other.http.get("/v1/test-clock").json()["ahead_seconds"] == 0
    patient = moving.http.get(f"/v1/patients/{moving.patient()}").json()
    assert datetime.fromisoformat(patient["registered_at"]) == now
    (entry,) = [
        one
        for one in moving.http.get("/v1/audit-events").json()["items"]
        if one["action"] == "test_clock.advanced"
    ]
    assert datetime.fromisoformat(entry["at"]) == NOW


def test_tokens_live_as_long_as_they_really_live(service: Service, moving: ClinicClient) -> None:
    phone = moving.enrol(moving.patient(), service.url)
    advance(moving, days=400)
    assert phone.http.get("/v1/me").status_code == 200
    renewed = phone.http.post("/v1/tokens/refresh", json={"refresh_token": phone.refresh_token})
    assert renewed.status_code == 200


def test_a_disclosure_is_not_escalated_by_a_moved_clock(service: Service, moving: ClinicClient) -> None:
    phone = moving.enrol(moving.patient(), service.url)
    now = advance(moving, days=1)
    assert phone.check_in(now, self_harm_thoughts=True).status_code == 201
    advance(moving, days=3)
    service.sweep()
    (event,) = moving.http.get("/v1/safety-events", params={"state": "open"}).json()["items"]
    assert (event["state"], event["escalated_at"]) == ("open", None)
    assert datetime.fromisoformat(event["received_at"]) == NOW


@pytest.mark.parametrize("seconds", [0, -1, -DAY, 10**12, 0.5, "a day", None])
def test_a_clock_goes_forward_only(moving: ClinicClient, seconds: object) -> None:
    reply = moving.http.post("/v1/test-clock/advance", json={"seconds": seconds})
    assert_problem(reply, 422, pointer="#/seconds")
    assert moving.http.get("/v1/test-clock").json()["ahead_seconds"] == 0


def test_a_clock_goes_two_years_ahead_at_most(moving: ClinicClient) -> None:
    advance(moving, days=700)
    reply = moving.http.post("/v1/test-clock/advance", json={"seconds": 40 * DAY})
    assert_problem(reply, 422, code="too-far-ahead")
    assert moving.http.get("/v1/test-clock").json()["ahead_seconds"] == 700 * DAY


def ready_to_go_live(service: Service, clinic: ClinicClient, receiver: Receiver) -> None:
    contacts = {
        "safety_contact": {"name": "Ana", "email": "ana@clinic.example", "phone": None},
        "second_contact": {"name": "Ben", "email": "ben@clinic.example", "phone": None},
    }
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    changed = clinic.http.patch("/v1/clinic", json=contacts, headers={"if-match": etag})
    assert changed.status_code == 200, changed.text
    drilled(service, clinic)
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.secret = endpoint["secret"]
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    receiver.wait_for("endpoint.test")


def go_live(clinic: ClinicClient) -> httpx2.Response:
    return clinic.http.post("/v1/clinic/go-live")


def test_a_clinic_that_moved_its_clock_goes_live_only_empty_and_then_lives_now(
    service: Service, moving: ClinicClient, receiver: Receiver
) -> None:
    ready_to_go_live(service, moving, receiver)
    advance(moving, days=30)
    assert go_live(moving).status_code == 200
    reply = moving.http.post("/v1/test-clock/advance", json={"seconds": DAY})
    assert_problem(reply, 409, code="clinic-is-live")
    patient = moving.http.get(f"/v1/patients/{moving.patient()}").json()
    assert datetime.fromisoformat(patient["registered_at"]) == NOW


def test_a_clinic_with_patients_of_a_moved_clock_stays_in_test_mode(
    service: Service, moving: ClinicClient, receiver: Receiver
) -> None:
    ready_to_go_live(service, moving, receiver)
    advance(moving, days=30)
    moving.patient()
    assert_problem(go_live(moving), 409, code="test-clock-moved")
