"""A patient who takes consent back is left alone at once, except where their safety is at stake."""

from datetime import timedelta
from typing import Any

from app.foundation.ids import new_id
from app.notifications.messages.consent_text import CURRENT_VERSION
from tests.support.people import CONFIRMED, ClinicClient, PatientClient, entry, item, treated
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service

AGREED = {"version": CURRENT_VERSION, "accepted": True}


def fading(service: Service, clinic: ClinicClient) -> PatientClient:
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    return clinic.enrol(patient, service.url)


def events(clinic: ClinicClient, phone: PatientClient) -> list[dict[str, Any]]:
    found = clinic.http.get("/v1/safety-events", params={"patient_id": phone.patient_id, "state": "all"})
    return list(found.json()["items"])


def test_a_withdrawal_in_the_middle_of_a_signal_closes_it_and_says_why(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    phone = fading(service, clinic)
    (open_one,) = clinic.signals(phone.patient_id, "open")

    phone.http.post("/v1/me/consent/withdraw", json={})

    (closed,) = clinic.signals(phone.patient_id, "closed")
    assert closed["id"] == open_one["id"]
    assert (closed["disposition"], closed["closed_by"]) == ("consent_withdrawn", None)
    assert closed["decision"] == open_one["decision"]
    (received,) = receiver.wait_for("signal.closed")
    assert received.event["data"]["disposition"] == "consent_withdrawn"
    (said,) = receiver.wait_for("consent.withdrawn")
    assert said.event["data"]["url"].endswith(f"/v1/patients/{phone.patient_id}/consent")


def test_a_snoozed_signal_is_closed_too_and_does_not_come_back(
    service: Service, clinic: ClinicClient
) -> None:
    phone = fading(service, clinic)
    (signal,) = clinic.signals(phone.patient_id)
    until = NOW + timedelta(days=2)
    clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json={"until": until.isoformat()})

    clinic.http.post(f"/v1/patients/{phone.patient_id}/consent/withdraw", json={})
    service.clock.move_to(until + timedelta(hours=1))
    service.sweep()

    assert clinic.signals(phone.patient_id, "open") == []


def test_staff_cannot_close_a_signal_as_withdrawn(service: Service, clinic: ClinicClient) -> None:
    phone = fading(service, clinic)
    (signal,) = clinic.signals(phone.patient_id)

    reply = clinic.http.post(f"/v1/signals/{signal['id']}/close", json={"disposition": "consent_withdrawn"})

    assert_problem(reply, 422, pointer="#/disposition")


def test_infusions_and_totals_are_still_entered_and_raise_nothing(
    service: Service, clinic: ClinicClient
) -> None:
    phone = fading(service, clinic)
    patient = phone.patient_id
    phone.http.post("/v1/me/consent/withdraw", json={})
    totals = [
        {"scale": "phq-9", "taken_at": (NOW - timedelta(days=ago)).isoformat(), "total": 24}
        for ago in (12, 1)
    ]

    for form in totals:
        assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    given = {"given_at": (NOW - timedelta(hours=2)).isoformat(), "phase": "booster"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201

    assert [one["disposition"] for one in clinic.signals(patient)] == ["consent_withdrawn"]


def test_consent_given_again_resumes_and_raises_what_still_holds(
    service: Service, clinic: ClinicClient
) -> None:
    phone = fading(service, clinic)
    phone.http.post("/v1/me/consent/withdraw", json={})
    assert_problem(phone.check_in(NOW, (3, 3, 3)), 409, code="consent-withdrawn")

    shown = phone.http.post("/v1/me/consent", json=AGREED).json()

    assert shown["status"] == "given"
    assert phone.check_in(NOW, (3, 3, 3)).status_code == 201
    assert clinic.evaluation(phone.patient_id)["level"] == "consider_booster"
    assert [one["state"] for one in clinic.signals(phone.patient_id)] == ["closed", "open"]


def test_a_statement_is_acted_upon_whatever_was_agreed_to(service: Service, clinic: ClinicClient) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    phone.http.post("/v1/me/consent/withdraw", json={})

    said = phone.http.put(
        f"/v1/check-ins/{new_id()}", json=entry(NOW, (3, 3, 3)) | {"self_harm_thoughts": True}
    )
    batch = {"items": [item(NOW, (3, 3, 3)) | {"self_harm_thoughts": True}]}
    said_in_batch = phone.http.post("/v1/check-ins/batch", json=batch).json()

    assert_problem(said, 409, code="consent-withdrawn")
    assert "0800 1110111" in {line["number"] for line in said.json()["crisis_help"]["lines"]}
    assert said_in_batch["crisis_help"]
    assert [one["source"] for one in events(clinic, phone)] == ["refused_check_in"] * 2
    assert phone.http.get("/v1/check-ins").json()["items"] == []
