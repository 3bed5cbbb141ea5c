"""Idempotency-Key: the same request sent twice is carried out once, and answered the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

from fastapi.routing import APIRoute, iter_route_contexts

from app.access.clinics.access import ClinicRoute
from app.access.clinics.permissions import Permission, Scope
from tests.house.test_every_route_says_who_may import who_may
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, key_with
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.the_api import the_api


def new_patient(reference: str | None = None) -> dict[str, str]:
    return {"external_ref": reference or f"P-{uuid4()}", "time_zone": "Europe/Berlin", "locale": "en-US"}


def test_the_same_request_sent_twice_is_carried_out_once(
    service: Service, shared_database: DatabaseUrls, one_clinic: ClinicClient
) -> None:
    body, key = new_patient(), {"idempotency-key": str(uuid4())}
    first = one_clinic.http.post("/v1/patients", json=body, headers=key)
    service.clock.move_to(NOW + timedelta(hours=23))
    again = one_clinic.http.post("/v1/patients", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again.headers["idempotency-replayed"], first.headers.get("idempotency-replayed")) == (
        "true",
        None,
    )
    stored = ask(
        shared_database.owner_url,
        "SELECT reply_sealed FROM care.idempotent_replies WHERE clinic_id = %(clinic)s",
        clinic=one_clinic.clinic_id,
    )
    assert all(body["external_ref"].encode() not in one["reply_sealed"] for one in stored)

    other = one_clinic.http.post("/v1/patients", json=new_patient(), headers=key)
    assert_problem(other, 422, code="idempotency-key-reused")
    service.clock.move_to(NOW + timedelta(hours=25))
    assert_problem(one_clinic.http.post("/v1/patients", json=body, headers=key), 409, code="patient-exists")


def test_what_failed_is_not_remembered(one_clinic: ClinicClient) -> None:
    body, key = new_patient(), {"idempotency-key": str(uuid4())}
    refused = one_clinic.http.post("/v1/patients", json=body | {"time_zone": "Nowhere"}, headers=key)
    assert refused.status_code == 422
    assert one_clinic.http.post("/v1/patients", json=body, headers=key).status_code == 201


def test_a_key_belongs_to_one_credential_and_one_path(service: Service, one_clinic: ClinicClient) -> None:
    body, key = new_patient(), {"idempotency-key": str(uuid4())}
    assert one_clinic.http.post("/v1/patients", json=body, headers=key).status_code == 201
    other = key_with(service, one_clinic.clinic_id, Scope.PATIENTS)
    headers = key | {"authorization": f"Bearer {other}"}
    assert one_clinic.http.post("/v1/patients", json=new_patient(), headers=headers).status_code == 201
    elsewhere = one_clinic.http.post("/v1/scales", json={"scales": {}}, headers=key)
    assert "idempotency-key-reused" not in elsewhere.text


def test_what_was_shown_once_is_left_out_of_a_repeated_reply(one_clinic: ClinicClient) -> None:
    patient, key = one_clinic.patient(), {"idempotency-key": str(uuid4())}
    path = f"/v1/patients/{patient}/enrolment-codes"
    first = one_clinic.http.post(path, headers=key)
    again = one_clinic.http.post(path, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert all(first.json().values())
    # Every field is there, as the document says; a client that reads it needs no second shape.
    assert again.json() == dict.fromkeys(("code", "url", "qr_svg")) | {
        "expires_at": first.json()["expires_at"]
    }
    assert again.headers["idempotency-left-out"] == "code, url, qr_svg"


def test_a_reply_is_kept_in_the_transaction_of_what_it_reports(
    shared_database: DatabaseUrls, one_clinic: ClinicClient
) -> None:
    key = {"idempotency-key": str(uuid4())}
    patient = one_clinic.http.post("/v1/patients", json=new_patient(), headers=key).json()["id"]
    form = {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": [0] * 8 + [1]}
    path = f"/v1/patients/{patient}/assessments"
    assert one_clinic.http.post(path, json=form, headers=key).status_code == 201
    transactions = ask(
        shared_database.owner_url,
        "SELECT (SELECT array_agg(xmin::text ORDER BY kept_at, status, id) FROM care.idempotent_replies"
        " WHERE patient_id = %(patient)s) AS replies,"
        " (SELECT xmin::text FROM care.patients WHERE id = %(patient)s) AS patient,"
        " (SELECT xmin::text FROM care.assessments WHERE patient_id = %(patient)s) AS form",
        patient=patient,
    )[0]
    assert set(transactions["replies"]) == {transactions["patient"], transactions["form"]}


def test_every_post_of_a_clinic_keeps_its_reply_so() -> None:
    api = the_api()
    permitted = who_may(api.routes)
    without = []
    for context in iter_route_contexts(api.routes):
        route, said = context.original_route, permitted.get(f"POST {context.path}", [])
        if not str(context.path).startswith("/v1/") or not any(isinstance(one, Permission) for one in said):
            continue
        assert isinstance(route, APIRoute)
        has_work = "work" in {one.name for one in route.dependant.dependencies}
        if "POST" in (route.methods or ()) and not (isinstance(route, ClinicRoute) and has_work):
            without.append(context.path)
    assert without == []


def test_two_at_once_are_carried_out_once(one_clinic: ClinicClient) -> None:
    body, key = new_patient(), {"idempotency-key": str(uuid4())}
    with ThreadPoolExecutor(4) as pool:
        replies = list(
            pool.map(lambda _: one_clinic.http.post("/v1/patients", json=body, headers=key), range(4))
        )
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert sum(reply.headers.get("idempotency-replayed") == "true" for reply in replies) == 3


def test_two_at_once_with_one_key_for_two_bodies_are_one_of_them(one_clinic: ClinicClient) -> None:
    key = {"idempotency-key": str(uuid4())}
    with ThreadPoolExecutor(2) as pool:
        replies = list(
            pool.map(
                lambda body: one_clinic.http.post("/v1/patients", json=body, headers=key),
                [new_patient(), new_patient()],
            )
        )
    assert sorted(reply.status_code for reply in replies) == [201, 422]


def test_a_key_that_is_none_and_a_credential_that_does_not_work_are_refused(one_clinic: ClinicClient) -> None:
    long = {"idempotency-key": "x" * 256}
    assert_problem(
        one_clinic.http.post("/v1/patients", json=new_patient(), headers=long),
        422,
        code="idempotency-key-not-valid",
    )
    wrong = {"idempotency-key": "k", "authorization": f"Bearer agk_{uuid4().hex}_made-up"}
    assert_problem(
        one_clinic.http.post("/v1/patients", json=new_patient(), headers=wrong), 401, code="token-not-valid"
    )
