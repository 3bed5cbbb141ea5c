"""Asking to be erased, and the clinic's answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import NO_TLS, ClinicClient, PatientClient, clinic_client, key_with
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def phone(service: Service, clinic: ClinicClient) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def asked(phone: PatientClient) -> dict[str, Any]:
    reply = phone.http.post("/v1/me/erasure-requests")
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def decide(clinic: ClinicClient, request: dict[str, Any], how: str, **body: str) -> httpx2.Response:
    return clinic.http.post(
        f"/v1/erasure-requests/{request['id']}/{how}",
        json=body or None,
        headers={"if-match": f'"{request["version"]}"'},
    )


def test_a_request_waits_for_the_clinic_and_nothing_is_erased_meanwhile(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    phone.check_in(NOW)
    request = asked(phone)

    (listed,) = clinic.http.get("/v1/erasure-requests").json()["items"]
    assert listed == request
    assert (request["state"], request["patient_id"], request["version"]) == ("open", phone.patient_id, 1)
    assert len(phone.http.get("/v1/check-ins").json()["items"]) == 1


def test_asked_twice_is_one_request(clinic: ClinicClient, phone: PatientClient) -> None:
    asked(phone)

    assert_problem(phone.http.post("/v1/me/erasure-requests"), 409, code="erasure-asked-before")
    by_staff = clinic.http.post(f"/v1/patients/{phone.patient_id}/erasure-requests")
    assert_problem(by_staff, 409, code="erasure-asked-before")
    assert len(clinic.http.get("/v1/erasure-requests?state=all").json()["items"]) == 1


def test_who_is_declined_reads_why_and_may_ask_again(clinic: ClinicClient, phone: PatientClient) -> None:
    request = asked(phone)
    reply = decide(clinic, request, "decline", reason="The law asks us to keep it until 2031.")

    assert (reply.status_code, reply.headers["etag"]) == (200, '"2"')
    (shown,) = phone.http.get("/v1/me/erasure-requests").json()["items"]
    assert (shown["state"], shown["reason"]) == ("declined", "The law asks us to keep it until 2031.")
    assert clinic.http.get("/v1/erasure-requests").json()["items"] == []
    assert asked(phone)["id"] != request["id"]


def test_a_request_is_declined_with_a_reason_or_not_at_all(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    request = asked(phone)
    for body in ({"reason": ""}, {"reason": CANARY * 200}, {"why": CANARY}):
        assert_problem(decide(clinic, request, "decline", **body), 422)


@pytest.mark.parametrize("how", ["approve", "decline"])
def test_a_decision_needs_the_version_that_was_read(
    clinic: ClinicClient, phone: PatientClient, how: str
) -> None:
    request = asked(phone)
    path, body = f"/v1/erasure-requests/{request['id']}/{how}", {"reason": "r"} if how == "decline" else None

    assert_problem(clinic.http.post(path, json=body), 428, code="if-match-missing")
    for version in ('"2"', f'"{CANARY}"'):
        reply = clinic.http.post(path, json=body, headers={"if-match": version})
        assert_problem(reply, 412, code="changed-meanwhile")


def test_what_was_decided_stays_decided(clinic: ClinicClient, phone: PatientClient) -> None:
    request = asked(phone)
    decide(clinic, request, "decline", reason="not yet")

    for how, body in (("approve", {}), ("decline", {"reason": "again"})):
        assert_problem(decide(clinic, request | {"version": 2}, how, **body), 409, code="erasure-decided")


def test_an_open_safety_event_blocks_the_approval_until_it_is_closed(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    phone.check_in(NOW, self_harm_thoughts=True)
    request = asked(phone)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]

    assert_problem(decide(clinic, request, "approve"), 409, code="safety-event-open")
    clinic.http.post(f"/v1/safety-events/{event['id']}/acknowledge")
    assert_problem(decide(clinic, request, "approve"), 409, code="safety-event-open")
    clinic.http.post(f"/v1/safety-events/{event['id']}/close", json={"outcome": "contact_made"})

    assert decide(clinic, request, "approve").json()["state"] == "approved"


def test_an_erased_patient_is_named_by_no_job_that_waits(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, phone: PatientClient
) -> None:
    clinic_id, patient_id = UUID(clinic.clinic_id), UUID(phone.patient_id)
    other = UUID(clinic.patient())

    async def queue() -> None:
        async with service.context.work(clinic_id) as work:
            for one in (patient_id, other):
                later = NOW + timedelta(days=9000)
                work.queue("evaluate_again", at=later, clinic_id=clinic_id, patient_id=one)

    service.run(queue())
    assert decide(clinic, asked(phone), "approve").status_code == 200

    jobs = ask(shared_database.superuser_url, "SELECT args::text AS args FROM jobs.procrastinate_jobs")
    assert not any(str(patient_id) in row["args"] for row in jobs)
    assert any(str(other) in row["args"] for row in jobs), "nobody else's are touched"


def test_another_clinics_request_is_one_that_nobody_made(
    service: Service, clinic: ClinicClient, phone: PatientClient
) -> None:
    request, other = asked(phone), clinic_client(service)
    for how, body in (("approve", {}), ("decline", {"reason": "r"})):
        assert_problem(decide(other, request, how, **body), 404, code="not-found")
        assert_problem(decide(clinic, request | {"id": str(uuid4())}, how, **body), 404, code="not-found")
    assert other.http.get("/v1/erasure-requests?state=all").json()["items"] == []
    other.close()


def test_only_a_key_with_the_scope_for_rights_copies_and_erases(
    service: Service, clinic: ClinicClient, phone: PatientClient
) -> None:
    narrow = key_with(service, clinic.clinic_id, *(one for one in Scope if one is not Scope.RIGHTS))
    with httpx2.Client(
        base_url=service.url, headers={"authorization": f"Bearer {narrow}"}, timeout=30, verify=NO_TLS
    ) as http:
        for method, path in (
            ("GET", f"/v1/patients/{phone.patient_id}/export"),
            ("POST", f"/v1/patients/{phone.patient_id}/erasure-requests"),
            ("GET", "/v1/erasure-requests"),
            ("POST", f"/v1/erasure-requests/{asked(phone)['id']}/approve"),
        ):
            assert_problem(http.request(method, path), 403, code="scope-missing")
