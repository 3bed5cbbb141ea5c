"""Taking on patients who join in maintenance."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

TODAY = NOW.date()


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return one_clinic.patient()


def day(ago: int) -> str:
    return (TODAY - timedelta(days=ago)).isoformat()


def join(clinic: ClinicClient, patient: str, **taken_on: object) -> httpx2.Response:
    body = {"protocol": "standard", "taken_on": {"on": day(30)} | taken_on}
    return clinic.http.post(f"/v1/patients/{patient}/courses", json=body)


def well(clinic: ClinicClient, patient: str, *, first: int, last: int) -> None:
    """Bring check-ins along, one each day from so many days ago to so many."""
    clinic.import_days(patient, NOW - timedelta(days=first), [(8, 8, 8)] * (first - last + 1))


def current(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    return dict(clinic.http.get(f"/v1/patients/{patient}/courses/current").json())


def test_a_patient_joins_in_maintenance_and_says_why_there_is_no_reference(
    one_clinic: ClinicClient, patient: str
) -> None:
    reply = join(one_clinic, patient, on=day(5), earlier={"count": 12, "last_on": day(9), "precision": "day"})
    assert reply.status_code == 201, reply.text
    assert reply.json() | {"id": ""} == {
        "id": "",
        "protocol": "standard",
        "planned_infusions": None,
        "started_on": day(9),
        "taken_on_at": day(5),
        "phase": "maintenance",
        "template": None,
        "external_id": None,
        "source": "",
    }
    found = one_clinic.evaluation(patient)
    assert (found["level"], found["reference"]["because"]) == ("no_reference", "taken_on_awaiting_reference")
    (kept,) = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    assert (kept["phase"], kept["day_only"], kept["given_at"][:10]) == ("booster", True, day(9))
    (course,) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    assert course["earlier"] == {"count": 11, "last_on": day(9), "precision": "day"}
    assert current(one_clinic, patient)["review"]["due"] is False


def test_a_stable_period_named_at_once_is_the_reference(one_clinic: ClinicClient, patient: str) -> None:
    well(one_clinic, patient, first=40, last=1)
    days = {"from": day(25), "to": day(12), "reason": "Well at work"}
    assert join(one_clinic, patient, reference=days).status_code == 201
    found = one_clinic.evaluation(patient)
    assert found["level"] == "steady"
    assert found["reference"]["kind"] == "clinician_set"
    assert found["threshold"] == 0.53
    booster = {"given_at": (NOW - timedelta(days=1)).isoformat(), "phase": "booster"}
    assert one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=booster).status_code == 201


def test_after_14_days_of_reports_a_reference_is_proposed_and_a_clinician_accepts_it(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    assert join(one_clinic, patient, on=day(20)).status_code == 201
    well(one_clinic, patient, first=20, last=1)
    assert one_clinic.enrol(patient, service.url).check_in(NOW, (8, 8, 8)).status_code == 201
    found = one_clinic.evaluation(patient)["reference"]
    assert (found["proposed_from"], found["proposed_to"]) == (day(20), day(7))
    rows = one_clinic.http.get("/v1/worklist", params={"kind": "no_reference"}).json()["items"]
    assert [one["patient"]["id"] for one in rows] == [patient]
    accepted = one_clinic.http.post(f"/v1/patients/{patient}/reference/accept", json={"reason": "Stable"})
    assert accepted.status_code == 200, accepted.text
    assert (accepted.json()["from_day"], accepted.json()["to_day"]) == (day(20), day(7))
    assert one_clinic.evaluation(patient)["level"] == "steady"
    assert one_clinic.http.get("/v1/worklist", params={"kind": "no_reference"}).json()["items"] == []
    again = one_clinic.http.post(f"/v1/patients/{patient}/reference/accept", json={"reason": "Stable"})
    assert_problem(again, 409, code="nothing-proposed")


@pytest.mark.parametrize(
    ("taken_on", "status", "code"),
    [
        ({"on": None}, 422, "taken-on-without-date"),
        ({"on": day(-1)}, 422, "taken-on-in-future"),
        ({"infusions": [{"given_on": day(2)}]}, 422, "infusion-after-taking-on"),
        ({"infusions": [{}]}, 422, "either-time-or-day"),
        ({"earlier": {"count": 3, "precision": "month"}}, 422, "precision-of-day"),
        ({"earlier": {"count": 0}}, 422, "greater_than_equal"),
        ({"reference": {"from": day(20), "to": day(0), "reason": "Well"}}, 422, "reference-window"),
        ({"reference": {"from": day(25), "to": day(12), "reason": "Well"}}, 409, "reference-not-made"),
        ({"infusions": [{"given_on": day(40), "dose_mg_per_kg": 9.0}]}, 409, "needs-confirmation"),
        ({"infusions": [{"given_on": day(40)}, {"given_on": day(40)}]}, 409, "needs-confirmation"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_is_half_done(
    one_clinic: ClinicClient, patient: str, taken_on: dict[str, object], status: int, code: str
) -> None:
    reply = join(one_clinic, patient, **taken_on)
    assert_problem(reply, status, code=code)
    for what in ("courses", "infusions", "references"):
        assert one_clinic.http.get(f"/v1/patients/{patient}/{what}").json()["items"] == []


def test_a_reference_of_days_without_reports_is_refused_where_it_stands(
    one_clinic: ClinicClient, patient: str
) -> None:
    well(one_clinic, patient, first=25, last=20)
    reply = join(one_clinic, patient, reference={"from": day(25), "to": day(12), "reason": "Well"})
    assert_problem(reply, 409, code="reference-not-made", pointer="#/taken_on/reference/from")


def test_an_induction_infusion_does_not_fit_such_a_course(one_clinic: ClinicClient, patient: str) -> None:
    assert join(one_clinic, patient).status_code == 201
    given = {"given_at": (NOW - timedelta(days=3)).isoformat(), "phase": "induction"}
    reply = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
    assert_problem(reply, 409, code="induction-on-record")


def test_a_known_infusion_entered_later_lets_the_course_begin_with_it_until_it_is_voided(
    one_clinic: ClinicClient, patient: str
) -> None:
    assert join(one_clinic, patient).status_code == 201
    given = {"given_at": (NOW - timedelta(days=100)).isoformat(), "phase": "booster"}
    entered = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
    assert entered.status_code == 201, entered.text
    assert current(one_clinic, patient)["started_on"] == day(100)
    path = f"/v1/patients/{patient}/infusions/{entered.json()['id']}/void"
    assert one_clinic.http.post(path, json={"reason": "Someone else's"}).status_code == 200
    assert current(one_clinic, patient)["started_on"] == day(30)


def test_everything_unlikely_about_the_known_infusions_is_asked_about_at_once(
    one_clinic: ClinicClient, patient: str
) -> None:
    known = [
        {"given_on": day(60), "dose_mg_per_kg": 1.8},
        {"given_on": day(50), "dose_mg": 70, "route": "intranasal"},
        {"given_on": day(40), "dose_mg_per_kg": 1.9},
    ]
    asked = join(one_clinic, patient, infusions=known)
    assert_problem(asked, 409, code="needs-confirmation")
    assert asked.json()["confirm"] == ["high_dose", "esketamine_dose"]
    assert join(one_clinic, patient, infusions=known, confirm=asked.json()["confirm"]).status_code == 201


def test_taken_on_again_under_the_same_external_id_only_what_was_sent_is_the_same(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    well(one_clinic, patient, first=40, last=1)
    taken_on: dict[str, Any] = {
        "on": day(30),
        "infusions": [{"given_on": day(60), "dose_mg": 40}, {"given_at": f"{day(45)}T09:00:00Z"}],
        "earlier": {"count": 12, "last_on": day(80), "precision": "day"},
        "reference": {"from": day(25), "to": day(12), "reason": "Well at work"},
    }

    def send(**other: object) -> httpx2.Response:
        body = {"protocol": "standard", "external_id": "C-1", "source": "ehr", "taken_on": taken_on | other}
        return one_clinic.http.post(f"/v1/patients/{patient}/courses", json=body)

    first = send()
    assert first.status_code == 201, first.text
    service.clock.move_to(NOW + timedelta(hours=1))
    later = {"given_at": f"{day(50)}T09:00:00Z", "phase": "booster"}
    entered = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=later)
    assert entered.status_code == 201, entered.text
    again = send(infusions=list(reversed(taken_on["infusions"])))
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"]), again.text
    others: list[dict[str, Any]] = [
        {"infusions": []},
        {"infusions": taken_on["infusions"][:1]},
        {"infusions": [*taken_on["infusions"], {"given_on": day(50)}]},
        {"infusions": [{"given_on": day(60), "dose_mg": 45}, taken_on["infusions"][1]]},
        {"earlier": None},
        {"earlier": {"count": 13, "last_on": day(80), "precision": "day"}},
        {"earlier": {"count": 12, "last_on": day(80), "precision": "month"}},
        {"reference": None},
        {"reference": {"from": day(26), "to": day(12), "reason": "Well at work"}},
        {"reference": {"from": day(25), "to": day(12), "reason": "Another"}},
        {"on": day(29)},
    ]
    for other in others:
        conflict = send(**other)
        assert_problem(conflict, 409, code="external-id-taken", pointer="#/external_id")
        assert conflict.json()["kept_id"] == first.json()["id"]
    listed = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    wrong = next(one for one in listed if one["dose_mg"] == 40)
    path = f"/v1/patients/{patient}/infusions/{wrong['id']}"
    right = {"dose_mg": 45, "reason": "Mistyped"}
    assert one_clinic.http.patch(path, json=right, headers={"if-match": wrong["etag"]}).status_code == 200
    assert_problem(send(), 409, code="external-id-taken")
    assert send(infusions=[{"given_on": day(60), "dose_mg": 45}, taken_on["infusions"][1]]).status_code == 200


def test_an_infusion_known_from_before_is_amended_voided_and_restored_alone_in_its_course(
    one_clinic: ClinicClient, patient: str
) -> None:
    assert join(one_clinic, patient, infusions=[{"given_on": day(60)}]).status_code == 201
    (known,) = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    path = f"/v1/patients/{patient}/infusions/{known['id']}"
    for version, change, day_only in (
        (1, {"given_at": known["given_at"], "dose_mg": 40}, True),
        (2, {"given_at": f"{day(60)}T08:30:00Z"}, False),
    ):
        body, headers = change | {"reason": "Found the sheet"}, {"if-match": f'"{version}"'}
        amended = one_clinic.http.patch(path, json=body, headers=headers)
        assert amended.status_code == 200, amended.text
        assert amended.json()["day_only"] is day_only
    assert current(one_clinic, patient)["started_on"] == day(60)
    assert one_clinic.http.post(f"{path}/void", json={"reason": "Someone else's"}).status_code == 200
    assert current(one_clinic, patient)["started_on"] == day(30)
    assert one_clinic.http.post(f"{path}/restore").status_code == 200
    assert current(one_clinic, patient)["started_on"] == day(60)


def test_a_wrong_day_of_taking_on_is_amended_and_a_planned_course_has_none(
    one_clinic: ClinicClient, patient: str
) -> None:
    course = join(one_clinic, patient).json()["id"]
    (listed,) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    path, reason = f"/v1/patients/{patient}/courses/{course}", {"reason": "A month off"}
    amended = one_clinic.http.patch(
        path, json={"taken_on_at": day(60)} | reason, headers={"if-match": listed["etag"]}
    )
    assert amended.status_code == 200, amended.text
    assert (amended.json()["taken_on_at"], amended.json()["started_on"]) == (day(60), day(60))
    other = one_clinic.patient()
    planned = {"protocol": "standard", "planned_infusions": 6, "started_on": day(9)}
    course = one_clinic.http.post(f"/v1/patients/{other}/courses", json=planned).json()["id"]
    refused = one_clinic.http.patch(
        f"/v1/patients/{other}/courses/{course}",
        json={"taken_on_at": day(9)} | reason,
        headers={"if-match": '"1"'},
    )
    assert_problem(refused, 409, code="not-taken-on")
