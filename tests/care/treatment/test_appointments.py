"""Planned appointments: a booked booster is the next planned one, and becomes the infusion with one confirmation."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

TODAY = NOW.date()


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


def day(ahead: int) -> str:
    return str(TODAY + timedelta(days=ahead))


def plan(
    clinic: ClinicClient, patient: str, ahead: int, kind: str = "booster", **more: object
) -> httpx2.Response:
    entry = {"kind": kind, "on": day(ahead)} | more
    return clinic.http.post(f"/v1/patients/{patient}/appointments", json=entry)


def step(clinic: ClinicClient, made: httpx2.Response, what: str, **body: object) -> httpx2.Response:
    one = made.json()
    path = f"/v1/patients/{one['patient_id']}/appointments/{one['id']}/{what}"
    return clinic.http.post(path, json=body) if body else clinic.http.post(path)


def booked(clinic: ClinicClient, patient: str) -> Any:  # noqa: ANN401 - a day or nothing
    return clinic.http.get(f"/v1/patients/{patient}/booked-booster").json()["on"]


def states(clinic: ClinicClient, patient: str) -> dict[str, str]:
    found = clinic.http.get(f"/v1/patients/{patient}/appointments", params={"past": True}).json()["items"]
    return {one["on"]: one["state"] for one in found}


def test_the_booked_booster_is_the_next_of_the_planned_ones(one_clinic: ClinicClient, patient: str) -> None:
    later = plan(one_clinic, patient, 20)
    assert (later.status_code, booked(one_clinic, patient)) == (201, day(20)), later.text
    sooner = plan(one_clinic, patient, 6, at="09:30", dose_mg_per_kg=0.5, route="iv")
    assert (sooner.json()["at"], booked(one_clinic, patient)) == ("09:30", day(6))
    path = f"/v1/patients/{patient}/appointments/{sooner.json()['id']}"
    moved = one_clinic.http.patch(path, json={"on": day(25)}, headers={"if-match": sooner.headers["etag"]})
    assert (moved.status_code, booked(one_clinic, patient)) == (200, day(20)), moved.text
    assert one_clinic.http.patch(path, json={"on": day(3)}).status_code == 428
    stale = one_clinic.http.patch(path, json={"on": day(3)}, headers={"if-match": sooner.headers["etag"]})
    assert_problem(stale, 412, pointer="header/if-match")
    assert step(one_clinic, later, "cancel").json()["state"] == "canceled"
    assert booked(one_clinic, patient) == day(25)
    assert (
        one_clinic.http.put(f"/v1/patients/{patient}/booked-booster", json={"on": day(4)}).status_code == 200
    )
    assert states(one_clinic, patient) == {day(4): "planned", day(20): "canceled"}
    assert one_clinic.http.delete(f"/v1/patients/{patient}/booked-booster").status_code == 204
    assert (booked(one_clinic, patient), states(one_clinic, patient)[day(4)]) == (None, "canceled")


def test_a_booked_booster_becomes_the_infusion_with_one_confirmation(
    one_clinic: ClinicClient, patient: str
) -> None:
    made = plan(one_clinic, patient, 0, dose_mg=84.0, route="intranasal")
    given_at = (NOW - timedelta(hours=1)).isoformat()
    # A moment later: what is given before it was booked does not keep the booking.
    given = step(one_clinic, made, "give", given_at=given_at)
    assert given.status_code == 201, given.text
    entered = given.json()
    assert (entered["phase"], entered["dose_mg"], entered["route"]) == ("booster", 84, "intranasal")
    (kept,) = one_clinic.http.get(f"/v1/patients/{patient}/appointments", params={"past": True}).json()[
        "items"
    ]
    assert (kept["state"], kept["infusion_id"], booked(one_clinic, patient)) == ("kept", entered["id"], None)
    assert_problem(step(one_clinic, made, "give", given_at=given_at), 409, code="appointment-over")
    assert_problem(step(one_clinic, made, "cancel"), 409, code="appointment-over")


def test_an_infusion_keeps_the_booster_that_was_booked_and_gives_it_back_when_it_was_none(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    plan(one_clinic, patient, 2)
    plan(one_clinic, patient, 30)
    given_at = NOW + timedelta(days=2)
    service.clock.move_to(given_at)
    given = {"given_at": given_at.isoformat(), "phase": "booster"}
    infusion = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).json()
    assert (states(one_clinic, patient)[day(2)], booked(one_clinic, patient)) == ("kept", day(30))
    path = f"/v1/patients/{patient}/infusions/{infusion['id']}/void"
    assert one_clinic.http.post(path, json={"reason": "Another patient's"}).status_code == 200
    # A later one is booked by now: the booking that was kept is not put in its place.
    assert (states(one_clinic, patient)[day(2)], booked(one_clinic, patient)) == ("canceled", day(30))


def test_a_given_induction_infusion_that_was_none_is_planned_again(
    one_clinic: ClinicClient, service: Service
) -> None:
    assert service.clock.now() == NOW
    patient = one_clinic.patient()
    course = {"protocol": "standard", "started_on": day(-3)}
    assert one_clinic.http.post(f"/v1/patients/{patient}/courses", json=course).status_code == 201
    made = plan(one_clinic, patient, 0, kind="induction", dose_mg_per_kg=0.5, route="iv")
    given = step(one_clinic, made, "give", given_at=NOW.isoformat())
    assert (given.status_code, states(one_clinic, patient)) == (201, {day(0): "kept"}), given.text
    path = f"/v1/patients/{patient}/infusions/{given.json()['id']}/void"
    assert one_clinic.http.post(path, json={"reason": "Not given"}).status_code == 200
    assert states(one_clinic, patient) == {day(0): "planned"}


@pytest.mark.parametrize(
    ("entry", "code", "pointer"),
    [
        ({"ahead": -1}, "appointment-in-past", "#/on"),
        ({"ahead": 732}, "appointment-too-far", "#/on"),
        ({"ahead": 3, "at": "24:00"}, None, "#/at"),
        ({"ahead": 3, "at": "9:30"}, None, "#/at"),
        ({"ahead": 3, "kind": "surgery"}, "not-a-choice", "#/kind"),
        ({"ahead": 3, "kind": "visit", "dose_mg": 40.0}, "visit-without-infusion", "#/dose_mg"),
        ({"ahead": 3, "dose_mg_per_kg": 15.5}, None, "#/dose_mg_per_kg"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(
    one_clinic: ClinicClient, unchanged: str, entry: dict[str, Any], code: str | None, pointer: str
) -> None:
    assert_problem(plan(one_clinic, unchanged, **entry), 422, code=code, pointer=pointer)
    assert states(one_clinic, unchanged) == {}


def test_the_same_is_not_planned_twice_and_an_earlier_booster_comes_first(
    one_clinic: ClinicClient, patient: str
) -> None:
    plan(one_clinic, patient, 5)
    second = plan(one_clinic, patient, 9)
    assert_problem(plan(one_clinic, patient, 5), 409, code="appointment-exists", pointer="#/on")
    early = step(one_clinic, second, "give", given_at=NOW.isoformat())
    assert_problem(early, 409, code="earlier-booster-planned")
    visit = plan(one_clinic, patient, 5, kind="visit")
    assert visit.status_code == 201
    assert_problem(
        step(one_clinic, visit, "give", given_at=NOW.isoformat()), 422, code="visit-without-infusion"
    )
    other = one_clinic.patient()
    path = f"/v1/patients/{other}/appointments/{visit.json()['id']}/cancel"
    assert_problem(one_clinic.http.post(path), 404)


def test_the_clinics_next_days_are_listed_in_their_order(service: Service, clinic: ClinicClient) -> None:
    assert service.clock.now() == NOW
    first, second = clinic.patient(), clinic.patient()
    plan(clinic, first, 13)
    plan(clinic, second, 2, kind="visit")
    plan(clinic, second, 14)
    found = clinic.http.get("/v1/appointments").json()["items"]
    assert [(one["patient_id"], one["on"]) for one in found] == [(second, day(2)), (first, day(13))]
    assert_problem(clinic.http.get("/v1/appointments", params={"days": 0}), 422)
