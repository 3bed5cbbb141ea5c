"""A patient who was erased is gone everywhere, said to be erased, and nobody stumbles over it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.access.clinics.erased import PatientErasedError
from app.care.monitoring.corrections import evaluate_again
from app.care.monitoring.decision_replay import replay
from app.foundation.ids import new_id
from tests.storage.catalogue import ask
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.dispatch import deliver_all
from tests.support.people import ClinicClient, PatientClient, clinic_client, entry, item, treated
from tests.support.problems import CANARY, assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service


def with_a_signal(service: Service, clinic: ClinicClient) -> tuple[PatientClient, str]:
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    (signal,) = clinic.signals(patient)
    return clinic.enrol(patient, service.url), signal["id"]


def erase(clinic: ClinicClient, patient_id: str) -> dict[str, Any]:
    return erase_asked(clinic, clinic.http.post(f"/v1/patients/{patient_id}/erasure-requests").json())


def erase_asked(clinic: ClinicClient, asked: dict[str, Any]) -> dict[str, Any]:
    reply = clinic.http.post(f"/v1/erasure-requests/{asked['id']}/approve", headers={"if-match": '"1"'})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_every_call_about_an_erased_patient_says_erased(service: Service, clinic: ClinicClient) -> None:
    phone, signal_id = with_a_signal(service, clinic)
    patient = f"/v1/patients/{phone.patient_id}"

    assert erase(clinic, phone.patient_id)["state"] == "approved"

    for path in (
        patient,
        f"{patient}/evaluation",
        f"{patient}/consent",
        f"{patient}/export",
        f"{patient}/courses/current",
        f"{patient}/assessments",
        f"/v1/signals/{signal_id}",
    ):
        assert_problem(clinic.http.get(path), 410, code="patient-erased")
    for path, body in (
        (f"{patient}/enrolment-codes", None),
        (f"{patient}/infusions", {"given_at": NOW.isoformat(), "phase": "booster"}),
        (f"{patient}/consent/withdraw", {}),
        (f"{patient}/erasure-requests", None),
        (f"{patient}/check-ins/batch", {"items": [item(NOW, (5, 5, 5))]}),
        (f"{patient}/assessments", {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": [1] * 9}),
    ):
        assert_problem(clinic.http.post(path, json=body), 410, code="patient-erased")
    assert phone.patient_id not in clinic.http.get("/v1/patients").text
    assert clinic.signals() == []


def test_the_phone_of_an_erased_patient_is_signed_out_and_a_statement_still_gets_help(
    service: Service, clinic: ClinicClient
) -> None:
    phone, _ = with_a_signal(service, clinic)
    erase(clinic, phone.patient_id)

    assert_problem(phone.http.get("/v1/me"), 401, code="token-not-valid")
    refresh = {"refresh_token": phone.refresh_token}
    assert_problem(phone.http.post("/v1/tokens/refresh", json=refresh), 401, code="token-not-valid")
    said = phone.http.put(
        f"/v1/check-ins/{new_id()}", json=entry(NOW, (3, 3, 3)) | {"self_harm_thoughts": True}
    )
    assert_problem(said, 401)
    assert [line["kind"] for line in said.json()["crisis_help"]["lines"]] == ["emergency"]


def test_the_decision_of_an_erased_patient_is_not_made_again_but_said_to_be_erased(
    service: Service, clinic: ClinicClient
) -> None:
    phone, signal_id = with_a_signal(service, clinic)
    erase(clinic, phone.patient_id)

    for clinic_id in (UUID(clinic.clinic_id), None):
        with pytest.raises(PatientErasedError):
            service.run(replay(service.context.database, UUID(signal_id), clinic_id=clinic_id))


def test_the_clinic_may_register_the_same_reference_anew(service: Service, clinic: ClinicClient) -> None:
    assert service.clock.now() == NOW
    patient = clinic.patient(reference="P-17")
    erase(clinic, patient)

    assert clinic.patient(reference="P-17") != patient


def test_a_message_that_is_on_its_way_while_its_patient_is_erased_ends_quietly(
    cluster: Cluster, receiver: Receiver
) -> None:
    # A separate database: no other worker takes the message.
    with (
        cluster.database() as own_database,
        running_service(own_database.application_url, work=False) as service,
    ):
        clinic = clinic_client(service)
        endpoint = clinic.add_endpoint(receiver.url, events=["finding.raised"])
        asked = clinic.http.post(f"/v1/patients/{clinic.patient()}/erasure-requests").json()
        deliveries = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
        (waiting,) = clinic.http.get(deliveries).json()["items"]

        def answer(_count: int) -> int:
            assert erase_asked(clinic, asked)["state"] == "approved"
            return 204

        receiver.answer = answer

        assert waiting["state"] == "pending"
        attempts = service.run(deliver_all(service.context, UUID(clinic.clinic_id)))

        assert attempts == 1
        assert [one.status for one in receiver.requests] == [204]
        assert clinic.http.get(deliveries).json()["items"] == []
        clinic.close()


def test_an_evaluation_that_waits_for_an_erased_patient_ends_quietly(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    erase(clinic, patient)

    service.run(evaluate_again(service.context, UUID(clinic.clinic_id), UUID(patient)))
    assert clinic.signals() == []


def test_what_remains_is_ids_and_times(
    service: Service, clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    phone = clinic.enrol(clinic.patient(reference=CANARY), service.url)
    phone.check_in(NOW, note=CANARY)
    asked = phone.http.post("/v1/me/erasure-requests").json()
    declined = {"reason": CANARY}
    path = f"/v1/erasure-requests/{asked['id']}/decline"
    assert clinic.http.post(path, json=declined, headers={"if-match": '"1"'}).is_success

    erase(clinic, phone.patient_id)

    requests = clinic.http.get("/v1/erasure-requests?state=all").json()["items"]
    assert [(one["state"], one["reason"]) for one in requests] == [("declined", None), ("approved", None)]
    (tombstone,) = ask(
        shared_database.superuser_url,
        "SELECT to_jsonb(t) AS row FROM care.erasures t WHERE patient_id = %(id)s",
        id=phone.patient_id,
    )
    assert set(tombstone["row"]) == {
        "clinic_id", "patient_id", "request_id", "erased_at", "erased_by", "signal_ids"
    }  # fmt: skip
    recorded = ask(
        shared_database.superuser_url,
        "SELECT to_jsonb(t) AS row FROM care.audit_events t WHERE patient_id = %(id)s ORDER BY at, id",
        id=phone.patient_id,
    )
    assert "patient.erased" in {line["row"]["action"] for line in recorded}
    assert CANARY not in json.dumps([line["row"] for line in recorded])


def test_a_report_that_arrives_while_the_patient_is_erased_leaves_nothing_behind(
    service: Service, clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    with psycopg.connect(shared_database.superuser_url) as holding:
        holding.execute(
            "SELECT FROM care.patient_states WHERE patient_id = %s FOR UPDATE", [phone.patient_id]
        )
        with ThreadPoolExecutor(2) as threads:
            erasing = threads.submit(erase, clinic, phone.patient_id)
            reporting = threads.submit(phone.check_in, NOW, (5, 5, 5))
            holding.rollback()
            assert erasing.result()["state"] == "approved"
            assert reporting.result().status_code in {201, 401}
    (left,) = ask(
        shared_database.superuser_url,
        "SELECT (SELECT count(*) FROM care.check_ins WHERE patient_id = %(id)s)"
        " + (SELECT count(*) FROM care.patient_states WHERE patient_id = %(id)s) AS rows",
        id=phone.patient_id,
    )
    assert left["rows"] == 0
