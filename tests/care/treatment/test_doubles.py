"""What is likely entered twice is asked about, and kept when it is confirmed; the audit log says so."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.people import ClinicClient, entry, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=5)


def post(clinic: ClinicClient, patient: str, path: str, body: dict[str, Any]) -> httpx2.Response:
    return clinic.http.post(f"/v1/patients/{patient}/{path}", json=body)


def day(ahead: int) -> str:
    return f"{NOW + timedelta(days=ahead):%F}"


def at(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


FORM = {"scale": "phq-9", "total": 9, "taken_at": at(30)}
PLANNED = {"kind": "booster", "on": day(7)}
TMS = {"kind": "tms", "since": day(-40)}
WEIGHT = {"kind": "weight", "since": day(-40), "weight_kg": 70.0}
COURSE = {"protocol": "standard", "started_on": day(-200)}


@pytest.mark.parametrize(
    ("path", "first", "second", "code", "pointer"),
    [
        ("assessments", FORM, {"taken_at": at(30 - 20)}, "same_form", "#/taken_at"),
        ("appointments", PLANNED, {"on": day(8)}, "same_appointment", "#/on"),
        ("appointments", PLANNED, {"kind": "induction"}, "same_appointment", "#/on"),
        ("circumstances", TMS, {"since": day(-36)}, "same_circumstance", "#/since"),
        ("circumstances", WEIGHT, {}, "same_circumstance", "#/since"),
        ("courses", COURSE, {"started_on": day(-193)}, "same_course", "#/started_on"),
    ],
)
def test_a_likely_double_is_asked_about_and_kept_when_it_is_confirmed(
    one_clinic: ClinicClient,
    patient: str,
    path: str,
    first: dict[str, Any],
    second: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    assert post(one_clinic, patient, path, first).status_code == 201
    before = one_clinic.http.get(f"/v1/patients/{patient}/{path}").json()
    asked = post(one_clinic, patient, path, first | second)
    assert_problem(asked, 409, code="needs-confirmation", pointer=pointer)
    assert asked.json()["confirm"] == [code]
    assert one_clinic.http.get(f"/v1/patients/{patient}/{path}").json() == before
    assert post(one_clinic, patient, path, first | second | {"confirm": ["another"]}).status_code == 409
    kept = post(one_clinic, patient, path, first | second | {"confirm": [code]})
    assert kept.status_code == 201, kept.text


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("assessments", FORM, {"taken_at": at(30 - 4), "total": 4}),
        ("assessments", FORM, {"taken_at": at(30 - 24)}),
        ("appointments", PLANNED, {"on": day(14)}),
        ("appointments", PLANNED, {"kind": "visit"}),
        ("appointments", PLANNED | {"kind": "induction"}, {"kind": "induction", "on": day(8)}),
        ("circumstances", TMS, {"since": day(-30)}),
        ("circumstances", TMS, {"kind": "ect"}),
        ("circumstances", WEIGHT, {"since": day(-39)}),
        ("courses", COURSE, {"started_on": day(-185)}),
    ],
)
def test_what_comes_again_in_the_course_of_treatment_is_not_asked_about(
    one_clinic: ClinicClient, patient: str, path: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert post(one_clinic, patient, path, first).status_code == 201
    kept = post(one_clinic, patient, path, first | second)
    assert kept.status_code == 201, kept.text


def test_a_form_that_the_patient_answered_is_not_entered_again_unasked_but_its_answer_acts(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    phone, items = one_clinic.enrol(patient, service.url), [0, 0, 1, 0, 0, 0, 0, 0, 1]
    own = {"scale": "phq-9", "taken_at": at(2), "time_zone": "Europe/Berlin", "items": items}
    assert phone.http.put(f"/v1/assessments/{uuid4()}", json=own).status_code == 201
    asked = post(one_clinic, patient, "assessments", {"scale": "phq-9", "taken_at": at(1), "items": items})
    assert_problem(asked, 409, code="needs-confirmation")
    assert asked.json()["safety_event_id"]


@pytest.mark.parametrize(
    ("path", "first", "second", "near", "code", "pointer"),
    [
        ("assessments", FORM, {"total": 4, "taken_at": at(10)}, {"total": 9}, "same_form", "#/taken_at"),
        (
            "courses",
            COURSE,
            {"started_on": day(-100)},
            {"started_on": day(-193)},
            "same_course",
            "#/started_on",
        ),
    ],
)
def test_what_is_amended_to_be_like_another_is_asked_about_as_when_it_is_entered(
    one_clinic: ClinicClient,
    patient: str,
    path: str,
    first: dict[str, Any],
    second: dict[str, Any],
    near: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    assert post(one_clinic, patient, path, first).status_code == 201
    made = post(one_clinic, patient, path, first | second).json()["id"]
    before = one_clinic.http.get(f"/v1/patients/{patient}/{path}").json()
    (etag,) = [one["etag"] for one in before["items"] if one["id"] == made]

    def amend(**changes: object) -> httpx2.Response:
        body, url = {"reason": "Mistyped"} | changes, f"/v1/patients/{patient}/{path}/{made}"
        return one_clinic.http.patch(url, json=body, headers={"if-match": etag})

    asked = amend(**near)
    assert_problem(asked, 409, code="needs-confirmation", pointer=pointer)
    assert asked.json()["confirm"] == [code]
    assert one_clinic.http.get(f"/v1/patients/{patient}/{path}").json() == before
    assert amend(**near, confirm=[code]).status_code == 200


def test_what_stays_beside_another_is_not_asked_about_again(one_clinic: ClinicClient, patient: str) -> None:
    """Confirmed once as another form, or another course, and now amended in something else."""
    confirm = {"confirm": ["same_form", "same_course"]}
    for path, first, second, change in (
        ("assessments", FORM, {"taken_at": at(20)}, {"total": 9}),
        ("courses", COURSE, {"started_on": day(-193)}, {"planned_infusions": 5}),
    ):
        assert post(one_clinic, patient, path, first).status_code == 201
        made = post(one_clinic, patient, path, first | second | confirm).json()["id"]
        listed = one_clinic.http.get(f"/v1/patients/{patient}/{path}").json()["items"]
        (etag,) = [one["etag"] for one in listed if one["id"] == made]
        url = f"/v1/patients/{patient}/{path}/{made}"
        reply = one_clinic.http.patch(url, json=change | {"reason": "Miscounted"}, headers={"if-match": etag})
        assert reply.status_code == 200, reply.text


def test_an_appointment_is_not_moved_beside_another_unasked(one_clinic: ClinicClient, patient: str) -> None:
    assert post(one_clinic, patient, "appointments", PLANNED).status_code == 201
    later = post(one_clinic, patient, "appointments", PLANNED | {"on": day(20)})
    path = f"/v1/patients/{patient}/appointments/{later.json()['id']}"
    version = {"if-match": later.headers["etag"]}
    asked = one_clinic.http.patch(path, json={"on": day(6)}, headers=version)
    assert_problem(asked, 409, code="needs-confirmation", pointer="#/on")
    body = {"on": day(6), "confirm": ["same_appointment"]}
    assert one_clinic.http.patch(path, json=body, headers=version).status_code == 200


def test_an_imported_check_in_that_is_there_already_is_asked_about_one_by_one(
    one_clinic: ClinicClient, patient: str
) -> None:
    when = NOW - timedelta(days=300)

    def sent(minutes: int, value: int, **more: object) -> dict[str, Any]:
        own = entry(when + timedelta(minutes=minutes), (value, 4, 4))
        return {"id": str(uuid4()), **own, **more}

    def results(*items: dict[str, Any]) -> list[Any]:
        body = {"items": list(items)}
        reply = one_clinic.http.post(f"/v1/patients/{patient}/check-ins/batch", json=body)
        return list(reply.json()["results"])

    first = sent(0, 4)
    assert [one["status"] for one in results(first)] == [201]
    copied, other, much_later = sent(20, 4), sent(20, 5), sent(90, 4)
    found = results(first, copied, other, sent(25, 5), much_later)
    assert [one["status"] for one in found] == [200, 409, 201, 409, 201]
    for one in (found[1], found[3]):
        assert one["problem"]["type"].endswith("/needs-confirmation")
        assert one["problem"]["confirm"] == ["same_check_in"]
    corrected = sent(30, 5, supersedes=other["id"])
    confirmed = results(copied | {"confirm": ["same_check_in"]}, corrected)
    assert [one["status"] for one in confirmed] == [201, 201]
    assert [one["status"] for one in results(copied)] == [200], "what was confirmed is no part of a report"
