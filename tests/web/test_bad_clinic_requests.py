"""Every way the clinic's requests can be wrong: refused by place and reason, with nothing of it repeated."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.databases import DatabaseUrls
from tests.support.hostile_urls import HOSTILE_URLS, LOCAL_NAMES
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.problems import CANARY, assert_problem, without
from tests.support.service import NOW, running_service

PATIENT = {"external_ref": "P-1", "time_zone": "Europe/Berlin", "locale": "de"}
COURSE = {"protocol": "standard", "planned_infusions": 6, "started_on": "2026-10-01"}
INFUSION = {
    "given_at": "2026-10-01T10:00:00+02:00",
    "phase": "induction",
    "dose_mg_per_kg": 0.5,
    "route": "iv",
}
ENDPOINT = {"url": "https://ehr.example.org/hook"}
LATER = (NOW + timedelta(days=1)).isoformat()

PATIENTS, COURSES, INFUSIONS = "/v1/patients", "/v1/patients/{}/courses", "/v1/patients/{}/infusions"
ENDPOINTS = "/v1/webhook-endpoints"
WRONG: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (PATIENTS, PATIENT, {"external_ref": ""}, "#/external_ref"),
    (PATIENTS, PATIENT, {"external_ref": CANARY * 20}, "#/external_ref"),
    (PATIENTS, PATIENT, {"external_ref": None}, "#/external_ref"),
    (PATIENTS, PATIENT, {"time_zone": CANARY}, "#/time_zone"),
    (PATIENTS, PATIENT, {"locale": CANARY}, "#/locale"),
    (PATIENTS, PATIENT, {"locale": "en\n"}, "#/locale"),
    (PATIENTS, PATIENT, {"locale": "e"}, "#/locale"),
    (PATIENTS, PATIENT, {"name": CANARY}, "#/name"),
    (COURSES, COURSE, {"protocol": CANARY}, "#/protocol"),
    (COURSES, COURSE, {"protocol": 6}, "#/protocol"),
    (COURSES, COURSE, {"planned_infusions": 0}, "#/planned_infusions"),
    (COURSES, COURSE, {"planned_infusions": 21}, "#/planned_infusions"),
    (COURSES, COURSE, {"planned_infusions": 6.5}, "#/planned_infusions"),
    (COURSES, COURSE, {"planned_infusions": 10**30}, "#/planned_infusions"),
    (COURSES, COURSE, {"started_on": CANARY}, "#/started_on"),
    (COURSES, COURSE, {"started_on": "2026-02-30"}, "#/started_on"),
    (COURSES, COURSE, {"started_on": 1_759_276_800}, "#/started_on"),
    (COURSES, COURSE, {"started_on": "1759276800"}, "#/started_on"),
    (COURSES, COURSE, {"started_on": "0001-01-01"}, "#/started_on"),
    (COURSES, COURSE, {"started_on": "9999-12-31"}, "#/started_on"),
    (COURSES, COURSE, {"phase": "induction"}, "#/phase"),
    (INFUSIONS, INFUSION, {"given_at": "2026-10-01T10:00:00"}, "#/given_at"),
    (INFUSIONS, INFUSION, {"given_at": "0001-01-01T00:00:00+14:00"}, "#/given_at"),
    (INFUSIONS, INFUSION, {"given_at": "9999-12-31T23:59:59-14:00"}, "#/given_at"),
    (INFUSIONS, INFUSION, {"given_at": LATER}, "#/given_at"),
    (INFUSIONS, INFUSION, {"given_at": CANARY}, "#/given_at"),
    (INFUSIONS, INFUSION, {"phase": CANARY}, "#/phase"),
    (INFUSIONS, INFUSION, {"phase": None}, "#/phase"),
    (INFUSIONS, INFUSION, {"dose_mg_per_kg": 0}, "#/dose_mg_per_kg"),
    (INFUSIONS, INFUSION, {"dose_mg_per_kg": -1}, "#/dose_mg_per_kg"),
    (INFUSIONS, INFUSION, {"dose_mg_per_kg": 15.5}, "#/dose_mg_per_kg"),
    (INFUSIONS, INFUSION, {"dose_mg_per_kg": CANARY}, "#/dose_mg_per_kg"),
    (INFUSIONS, INFUSION, {"route": CANARY}, "#/route"),
    (ENDPOINTS, ENDPOINT, {"url": ""}, "#/url"),
    (ENDPOINTS, ENDPOINT, {"url": "https://ehr.example.org/" + "x" * 2000}, "#/url"),
    (ENDPOINTS, ENDPOINT, {"events": [CANARY]}, "#/events/0"),
    (ENDPOINTS, ENDPOINT, {"events": "signal.raised"}, "#/events"),
    (ENDPOINTS, ENDPOINT, {"secret": CANARY}, "#/secret"),
]
FORBIDDEN_ADDRESSES = (
    # What is too short or too long for the field is refused by the field.
    *(url for url in HOSTILE_URLS if 0 < len(url) <= 2000),
    *LOCAL_NAMES,
    "https://user:" + CANARY + "@10.0.0.1/",
    "https://" + CANARY + ".invalid/hook",
    CANARY,
    "http://8.8.8.8/hook",
)


@pytest.fixture(scope="module")
def patient_id(one_clinic: ClinicClient) -> str:
    return one_clinic.patient()


@pytest.mark.parametrize(("path", "good", "wrong", "pointer"), WRONG)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    one_clinic: ClinicClient,
    patient_id: str,
    path: str,
    good: dict[str, Any],
    wrong: dict[str, Any],
    pointer: str,
) -> None:
    assert_problem(one_clinic.http.post(path.format(patient_id), json=good | wrong), 422, pointer=pointer)


@pytest.mark.parametrize(("path", "good"), [(PATIENTS, PATIENT), (COURSES, COURSE), (INFUSIONS, INFUSION)])
def test_a_missing_field_is_named(
    one_clinic: ClinicClient, patient_id: str, path: str, good: dict[str, Any]
) -> None:
    optional = {"locale", "planned_infusions", "dose_mg_per_kg", "route"}
    for name in set(good) - optional:
        body = {key: value for key, value in good.items() if key != name}
        assert_problem(
            one_clinic.http.post(path.format(patient_id), json=body), 422, pointer=f"#/{name}", code="missing"
        )


def test_an_address_that_is_not_public_is_refused_alike(own_database: DatabaseUrls) -> None:
    # Elsewhere in the tests loopback is allowed; here it is as forbidden as it is in life.
    with running_service(own_database.application_url, work=False, webhook_allow="192.0.2.0/24") as strict:
        clinic = clinic_client(strict)
        kept = clinic.add_endpoint("http://192.0.2.1/hook")
        path = f"{ENDPOINTS}/{kept['id']}"
        answers = set()
        for url in FORBIDDEN_ADDRESSES:
            added = clinic.http.post(ENDPOINTS, json={"url": url})
            changed = clinic.http.patch(path, json={"url": url}, headers={"if-match": '"1"'})
            for reply in (added, changed):
                problem = assert_problem(reply, 422, code="webhook-address-refused")
                answers.add(json.dumps(without(problem, "request_id")))
        assert len(FORBIDDEN_ADDRESSES) > 100
        assert len(answers) == 1, "nothing is learnt from one address that is not from another"
        assert clinic.http.get(path).json()["url"] == kept["url"]
        clinic.close()


def test_the_same_reference_course_or_infusion_twice_is_a_conflict(one_clinic: ClinicClient) -> None:
    reply = one_clinic.http.post(PATIENTS, json=PATIENT | {"external_ref": CANARY})
    assert reply.status_code == 201
    patient = reply.json()["id"]

    assert_problem(one_clinic.http.post(PATIENTS, json=PATIENT | {"external_ref": CANARY}), 409)
    booster = INFUSION | {"phase": "booster"}
    assert_problem(one_clinic.http.post(INFUSIONS.format(patient), json=booster), 409, pointer="#/phase")
    for path, body in ((COURSES, COURSE), (INFUSIONS, INFUSION)):
        assert one_clinic.http.post(path.format(patient), json=body).status_code == 201
        assert_problem(one_clinic.http.post(path.format(patient), json=body), 409)


def test_an_id_that_nobody_has_is_not_found(one_clinic: ClinicClient) -> None:
    nobody = uuid4()

    for path, body in ((COURSES, COURSE), (INFUSIONS, INFUSION), ("/v1/patients/{}/enrolment-codes", {})):
        assert_problem(one_clinic.http.post(path.format(nobody), json=body), 404, code="not-found")
    for path in ("/v1/patients/{}", "/v1/patients/{}/evaluation", "/v1/signals/{}", "/v1/safety-events/{}"):
        assert_problem(one_clinic.http.get(path.format(nobody)), 404, code="not-found")
        assert_problem(one_clinic.http.get(path.format(CANARY)), 422)


@pytest.mark.parametrize(
    "phone", ["", "call me", "+49 30 1234567890 1234567890 12345", CANARY, "12\n34", "+1\x00"]
)
def test_a_crisis_phone_that_is_none_is_refused(one_clinic: ClinicClient, phone: str) -> None:
    reply = one_clinic.http.patch("/v1/clinic", json={"crisis_phone": phone}, headers={"if-match": '"1"'})

    assert_problem(reply, 422, pointer="#/crisis_phone")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Клиника", "Клиника"),
        ("Клиника 🌧\ufe0f", "Клиника 🌧"),
        ("עברית \u05d0", "עברית \u05d0"),
        ("'; DROP TABLE care.patients; --", "'; DROP TABLE care.patients; --"),
        ("עברית \u202e", None),
        ("a\u0000b", None),
        ("\u0007", None),
        (" ", None),
    ],
)
def test_any_name_and_reference_is_refused_or_kept_as_it_is_seen(
    one_clinic: ClinicClient, text: str, kept: str | None
) -> None:
    version = one_clinic.http.get("/v1/clinic").headers["etag"]
    named = one_clinic.http.patch("/v1/clinic", json={"name": text}, headers={"if-match": version})
    registered = one_clinic.http.post(PATIENTS, json=PATIENT | {"external_ref": text})
    if kept is None:
        assert_problem(named, 422, pointer="#/name")
        assert_problem(registered, 422, pointer="#/external_ref")
        return
    assert named.status_code == 200, named.text
    assert one_clinic.http.get("/v1/clinic").json()["name"] == kept
    assert registered.status_code == 201, registered.text
    assert one_clinic.http.get(f"{PATIENTS}/{registered.json()['id']}").json()["external_ref"] == kept


def test_a_closing_with_a_wrong_word_or_day_is_refused(one_clinic: ClinicClient) -> None:
    patient = treated(one_clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    (signal,) = one_clinic.signals(patient)
    path = f"/v1/signals/{signal['id']}"
    for body, pointer in (
        ({"disposition": CANARY}, "#/disposition"),
        ({"disposition": None}, "#/disposition"),
        ({}, "#/disposition"),
        ({"disposition": "booster_booked", "booster_booked_for": "9999-12-31"}, "#/booster_booked_for"),
        ({"disposition": "booster_booked", "booster_booked_for": CANARY}, "#/booster_booked_for"),
        ({"disposition": "data_problem", "note": "x" * 4001}, "#/note"),
    ):
        assert_problem(one_clinic.http.post(f"{path}/close", json=body), 422, pointer=pointer)
    for until in (
        NOW.isoformat(),
        (NOW + timedelta(days=15)).isoformat(),
        "9999-12-31T23:59:59-14:00",
        CANARY,
    ):
        reply = one_clinic.http.post(f"{path}/snooze", json={"until": until})
        assert_problem(reply, 422, pointer="#/until")
    assert one_clinic.http.get(path).json()["state"] == "open"
