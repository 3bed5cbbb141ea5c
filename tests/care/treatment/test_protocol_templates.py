"""A clinic's own protocol templates: courses are started with one, planned by it, and keep what it said then."""

from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

PATH = "/v1/protocol-templates"
TWICE: dict[str, Any] = {
    "name": "Twice weekly", "infusions": 4, "interval_days": 3, "dose_mg_per_kg": 0.5, "route": "iv",
}  # fmt: skip
TODAY = NOW.date()


@pytest.fixture
def template(service: Service, clinic: ClinicClient) -> dict[str, Any]:
    service.clock.move_to(NOW)
    reply = clinic.http.post(PATH, json=TWICE)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def change(
    clinic: ClinicClient, template: dict[str, Any], version: int = 1, **changes: object
) -> httpx2.Response:
    headers = {"if-match": f'"{version}"'}
    return clinic.http.patch(f"{PATH}/{template['id']}", json=changes, headers=headers)


def start(clinic: ClinicClient, patient: str, template: dict[str, Any], **more: object) -> httpx2.Response:
    body = {"template_id": template["id"], "started_on": TODAY.isoformat()} | more
    return clinic.http.post(f"/v1/patients/{patient}/courses", json=body)


def planned(clinic: ClinicClient, patient: str) -> list[tuple[str, str, Any, Any]]:
    found = clinic.http.get(f"/v1/patients/{patient}/appointments").json()["items"]
    return [(one["kind"], one["on"], one["dose_mg_per_kg"], one["route"]) for one in found]


def series(first: date, *days: int) -> list[tuple[str, str, Any, Any]]:
    return [("induction", str(first + timedelta(days=day)), 0.5, "iv") for day in days]


def test_a_course_that_is_started_with_a_template_has_its_series_planned(
    clinic: ClinicClient, template: dict[str, Any]
) -> None:
    patient = clinic.patient()
    made = start(clinic, patient, template)
    assert made.status_code == 201, made.text
    assert (made.json()["protocol"], made.json()["planned_infusions"]) == ("own", 4)
    assert made.json()["template"] == template
    assert planned(clinic, patient) == series(TODAY, 0, 3, 6, 9)
    current = clinic.http.get(f"/v1/patients/{patient}/courses/current").json()
    assert (current["template"], current["phase"]) == (template, "planned")


def test_only_what_lies_ahead_is_planned_and_a_number_of_the_patients_own_counts(
    clinic: ClinicClient, template: dict[str, Any]
) -> None:
    patient = clinic.patient()
    began = TODAY - timedelta(days=4)
    made = start(clinic, patient, template, started_on=str(began), planned_infusions=3)
    assert (made.status_code, made.json()["planned_infusions"]) == (201, 3), made.text
    assert planned(clinic, patient) == series(began, 6)


def test_a_changed_template_is_the_next_version_and_an_old_course_keeps_what_it_was_started_with(
    clinic: ClinicClient, template: dict[str, Any]
) -> None:
    before, after = clinic.patient(), clinic.patient()
    assert start(clinic, before, template).status_code == 201
    changed = change(clinic, template, infusions=6, dose_mg_per_kg=None, dose_mg=40)
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"'), (
        changed.text
    )
    assert start(clinic, after, template).json()["planned_infusions"] == 6
    kept, new = (
        clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"][0]["template"]
        for patient in (before, after)
    )
    assert kept == template
    assert (new["version"], new["infusions"], new["dose_mg"]) == (2, 6, 40)
    course = clinic.http.get(f"/v1/patients/{before}/courses").json()["items"][0]
    path = f"/v1/patients/{before}/courses/{course['id']}"
    for what in ("void", "restore"):
        assert clinic.http.post(f"{path}/{what}", json={"reason": "by mistake"}).status_code == 200
    again = clinic.http.get(f"/v1/patients/{before}/courses").json()["items"][0]
    assert again["template"] == template


def test_a_patient_is_taken_on_by_a_template_which_plans_nothing(
    clinic: ClinicClient, template: dict[str, Any]
) -> None:
    patient = clinic.patient()
    joins = {"taken_on": {}, "external_id": "C-7"}
    made = start(clinic, patient, template, **joins)
    assert made.status_code == 201, made.text
    assert (made.json()["protocol"], made.json()["template"]) == ("own", template)
    assert (made.json()["phase"], planned(clinic, patient)) == ("maintenance", [])
    assert start(clinic, patient, template, **joins).status_code == 200
    other = clinic.http.post(PATH, json=TWICE | {"name": "Thrice"}).json()
    assert_problem(start(clinic, patient, other, **joins), 409, code="external-id-taken")


def test_no_course_is_started_with_a_retired_template(clinic: ClinicClient, template: dict[str, Any]) -> None:
    assert change(clinic, template, retired=True).status_code == 200
    assert clinic.http.get(PATH).json()["items"] == []
    assert [one["retired"] for one in clinic.http.get(PATH, params={"retired": True}).json()["items"]] == [
        True
    ]
    patient = clinic.patient()
    refused = start(clinic, patient, template)
    assert_problem(refused, 422, code="template-not-found", pointer="#/template_id")
    assert clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"] == []
    assert clinic.http.post(PATH, json=TWICE).status_code == 201, "its name is free again"


def test_what_is_wrong_about_a_template_is_refused_by_name(
    service: Service, clinic: ClinicClient, template: dict[str, Any]
) -> None:
    taken = clinic.http.post(PATH, json=TWICE | {"name": "twice weekly"})
    assert_problem(taken, 409, code="template-name-taken", pointer="#/name")
    for wrong in (
        {"infusions": 0},
        {"infusions": 21},
        {"interval_days": 0},
        {"dose_mg_per_kg": 16.0},
        {"name": " "},
    ):
        assert clinic.http.post(PATH, json=TWICE | {"name": "Other"} | wrong).status_code == 422
    assert_problem(change(clinic, template, version=7, infusions=5), 412, code="changed-meanwhile")
    assert change(clinic, template, infusions=None).status_code == 422
    patient, stranger = clinic.patient(), clinic_client(service, "Stranger")
    both = start(clinic, patient, template, protocol="standard")
    assert_problem(both, 422, code="invalid-request")
    assert start(clinic, patient, template, protocol="standard", taken_on={}).status_code == 422
    neither = clinic.http.post(f"/v1/patients/{patient}/courses", json={"started_on": TODAY.isoformat()})
    assert_problem(neither, 422, code="invalid-request", pointer="#/protocol")
    assert stranger.http.get(PATH).json()["items"] == []
    refused = start(stranger, stranger.patient(), template)
    assert_problem(refused, 422, code="template-not-found")
    stranger.close()
