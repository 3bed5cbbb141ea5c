"""Courses that cannot be: refused by name, or put in order and said, over HTTP as in the files of a backtest."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import CONFIRMED, ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return one_clinic.patient()


def day(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).date().isoformat()


def begin(clinic: ClinicClient, patient: str, days_ago: int) -> httpx2.Response:
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": day(days_ago)}
    return clinic.http.post(f"/v1/patients/{patient}/courses", json=course)


def give(clinic: ClinicClient, patient: str, days_ago: float, phase: str = "induction") -> httpx2.Response:
    given = {"given_at": (NOW - timedelta(days=days_ago)).isoformat(), "phase": phase}
    return clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)


def change(clinic: ClinicClient, patient: str, **days: str | None) -> httpx2.Response:
    path = f"/v1/patients/{patient}/courses/current"
    etag = clinic.http.get(path).headers["etag"]
    return clinic.http.patch(path, json=days, headers={"if-match": etag})


def remarks(reply: httpx2.Response) -> list[str]:
    assert reply.status_code == 201, reply.text
    found: list[dict[str, Any]] = reply.json()["remarks"]
    assert all(one["detail"].endswith(".") for one in found)
    return [one["code"] for one in found]


@pytest.mark.parametrize("end", ["ended_on", "stopped_on"])
def test_nothing_is_given_in_a_course_that_is_over(one_clinic: ClinicClient, patient: str, end: str) -> None:
    begin(one_clinic, patient, 60)
    assert remarks(give(one_clinic, patient, 60)) == []
    assert change(one_clinic, patient, **{end: day(20)}).status_code == 200

    for phase in ("induction", "booster"):
        refused = give(one_clinic, patient, 10, phase)
        assert_problem(refused, 409, code="course-closed", pointer="#/given_at")
    assert remarks(give(one_clinic, patient, 25, "booster")) == [], "given before the end, and entered late"
    current = one_clinic.http.get(f"/v1/patients/{patient}/courses/current").json()
    assert len(current["infusions"]) == 2

    assert begin(one_clinic, patient, 12).status_code == 201
    assert remarks(give(one_clinic, patient, 10)) == [], "a new series is a separate course"


def test_the_end_of_a_course_can_be_taken_back(one_clinic: ClinicClient, patient: str) -> None:
    begin(one_clinic, patient, 60)
    give(one_clinic, patient, 60)
    change(one_clinic, patient, ended_on=day(20))
    assert_problem(give(one_clinic, patient, 10, "booster"), 409, code="course-closed")
    assert change(one_clinic, patient, ended_on=None).status_code == 200
    assert remarks(give(one_clinic, patient, 10, "booster")) == []


def test_a_booster_needs_an_induction_infusion_of_its_own_course_before_it(
    one_clinic: ClinicClient, patient: str
) -> None:
    assert_problem(give(one_clinic, patient, 50, "booster"), 409, code="booster-before-induction")
    begin(one_clinic, patient, 60)
    give(one_clinic, patient, 40)
    assert_problem(give(one_clinic, patient, 50, "booster"), 409, code="booster-before-induction")
    assert remarks(give(one_clinic, patient, 30, "booster")) == []
    begin(one_clinic, patient, 20)
    assert_problem(
        give(one_clinic, patient, 10, "booster"), 409, code="booster-before-induction", pointer="#/phase"
    )
    assert remarks(give(one_clinic, patient, 25, "booster")) == [], "one of the course before"


def test_infusions_out_of_order_are_put_in_order_and_that_is_said(
    one_clinic: ClinicClient, patient: str
) -> None:
    begin(one_clinic, patient, 60)
    assert remarks(give(one_clinic, patient, 50)) == []
    assert remarks(give(one_clinic, patient, 56)) == ["reordered"]
    assert remarks(give(one_clinic, patient, 53)) == ["reordered"]
    assert remarks(give(one_clinic, patient, 30, "booster")) == []
    assert remarks(give(one_clinic, patient, 20)) == ["induction_after_booster"]
    current = one_clinic.http.get(f"/v1/patients/{patient}/courses/current").json()
    given = [one["given_at"] for one in current["infusions"]]
    assert (len(given), given) == (5, sorted(given))


def test_a_course_is_not_over_before_its_own_days(one_clinic: ClinicClient, patient: str) -> None:
    begin(one_clinic, patient, 60)
    give(one_clinic, patient, 50)
    for changes, code in (
        ({"induction_ended_on": day(55)}, "induction-ends-before-infusion"),
        ({"ended_on": day(55)}, "course-ends-before-infusion"),
        ({"reviewed_on": day(61)}, "course-day-before-start"),
        ({"ended_on": day(-1)}, "course-day-in-future"),
    ):
        assert_problem(change(one_clinic, patient, **changes), 422, code=code)


def test_a_reference_is_not_taken_from_days_before_treatment_or_while_induction_runs(
    one_clinic: ClinicClient, patient: str
) -> None:
    one_clinic.treat(patient, last_infusion=NOW - timedelta(days=30))
    one_clinic.import_days(patient, NOW - timedelta(days=60), [(5, 5, 5)] * 59)
    for first, last in ((58, 45), (38, 32)):
        window = {"from": day(first), "to": day(last), "reason": "as agreed"}
        reply = one_clinic.http.put(f"/v1/patients/{patient}/reference", json=window)
        assert_problem(reply, 409, code="reference-not-made")
