"""Half an hour before and after midnight, on both sides of UTC: a day is the one on the wall where it is meant."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.care_browser import CareBrowser
from tests.support.people import CONFIRMED, ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import Service

EAST, WEST = "Pacific/Auckland", "America/Los_Angeles"
WALLS = [(zone, at) for zone in (EAST, WEST) for at in (time(23, 30), time(0, 30))]
TODAY = date(2026, 11, 4)
by_the_wall = pytest.mark.parametrize(("zone", "at"), WALLS, ids=str)


def move_to(service: Service, zone: str, at: time) -> datetime:
    """Let it be this time of that day on the wall in a zone."""
    now = datetime.combine(TODAY, at, ZoneInfo(zone))
    service.clock.move_to(now)
    return now


def live_in(clinic: ClinicClient, zone: str) -> None:
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    changed = clinic.http.patch("/v1/clinic", json={"time_zone": zone}, headers={"if-match": etag})
    assert changed.status_code == 200, changed.text


def on_day(ahead: int) -> str:
    return str(TODAY + timedelta(days=ahead))


@by_the_wall
def test_the_clinics_next_days_begin_with_its_own_today(
    service: Service, clinic: ClinicClient, zone: str, at: time
) -> None:
    move_to(service, zone, at)
    live_in(clinic, zone)
    patient = clinic.patient(time_zone=zone)
    path = f"/v1/patients/{patient}/appointments"
    refused = clinic.http.post(path, json={"kind": "visit", "on": on_day(-1)})
    assert_problem(refused, 422, code="appointment-in-past", pointer="#/on")
    for ahead in (0, 1):
        assert clinic.http.post(path, json={"kind": "visit", "on": on_day(ahead)}).status_code == 201

    found = clinic.http.get("/v1/appointments", params={"days": 1}).json()["items"]
    assert [one["on"] for one in found] == [on_day(0)]

    nurse = CareBrowser(service, clinic.clinic_id, StaffRole.CLINICIAN)
    page = nurse.get("/care/").text
    nurse.http.close()
    assert "Wednesday, Nov 4" in page
    assert re.findall(r"booster=(\d{4}-\d{2}-\d{2})", page)[0] == on_day(0)


@by_the_wall
def test_what_changed_and_what_ended_today_is_not_in_the_future(
    service: Service, clinic: ClinicClient, zone: str, at: time
) -> None:
    move_to(service, zone, at)
    patient = clinic.patient(time_zone=zone)
    entry = {"kind": "tms", "since": on_day(0)}
    kept = clinic.http.post(f"/v1/patients/{patient}/circumstances", json=entry)
    assert kept.status_code == 201, kept.text
    ahead = clinic.http.post(f"/v1/patients/{patient}/circumstances", json=entry | {"since": on_day(1)})
    assert_problem(ahead, 422, code="circumstance-in-future")

    course = {"protocol": "standard", "started_on": on_day(-20)}
    entered = clinic.http.post(f"/v1/patients/{patient}/courses", json=course).json()
    path, version = f"/v1/patients/{patient}/courses/{entered['id']}", {"if-match": '"1"'}
    why = {"reason": "Moved away"}
    later = clinic.http.patch(path, json=why | {"stopped_on": on_day(1)}, headers=version)
    assert_problem(later, 422, code="course-day-in-future", pointer="#/stopped_on")
    assert clinic.http.patch(path, json=why | {"stopped_on": on_day(0)}, headers=version).status_code == 200


@by_the_wall
def test_a_booster_that_nobody_gave_holds_until_two_days_after_it_where_the_patient_is(
    service: Service, clinic: ClinicClient, zone: str, at: time
) -> None:
    now = move_to(service, zone, at)
    patient = clinic.patient(time_zone=zone)
    clinic.treat(patient, last_infusion=now - timedelta(days=30))
    for ahead in (0, 10):
        planned = {"kind": "booster", "on": on_day(ahead)}
        assert clinic.http.post(f"/v1/patients/{patient}/appointments", json=planned).status_code == 201
    booked = f"/v1/patients/{patient}/booked-booster"
    visit = {"kind": "visit"}
    for days, next_one in ((2, on_day(0)), (3, on_day(10))):
        service.clock.move_to(now + timedelta(days=days))
        # Whatever is planned besides lets the booking be looked at again.
        path = f"/v1/patients/{patient}/appointments"
        assert clinic.http.post(path, json=visit | {"on": on_day(20 + days)}).status_code == 201
        assert clinic.http.get(booked).json()["on"] == next_one


@by_the_wall
def test_a_patient_is_taken_on_and_was_last_treated_today(
    service: Service, clinic: ClinicClient, zone: str, at: time
) -> None:
    move_to(service, zone, at)
    patient = clinic.patient(time_zone=zone)
    joining = {"on": on_day(0), "infusions": [{"given_on": on_day(-1)}]} | CONFIRMED
    course = {"protocol": "standard", "taken_on": joining}
    entered = clinic.http.post(f"/v1/patients/{patient}/courses", json=course)
    assert entered.status_code == 201, entered.text
    assert entered.json()["taken_on_at"] == on_day(0)
    tomorrow = clinic.patient(time_zone=zone)
    ahead = {"protocol": "standard", "taken_on": joining | {"on": on_day(1)}}
    refused = clinic.http.post(f"/v1/patients/{tomorrow}/courses", json=ahead)
    assert_problem(refused, 422, code="taken-on-in-future", pointer="#/taken_on/on")


@by_the_wall
def test_a_period_of_the_reports_ends_with_the_clinics_today(
    service: Service, clinic: ClinicClient, zone: str, at: time
) -> None:
    now = move_to(service, zone, at)
    live_in(clinic, zone)
    whole = clinic.http.get("/v1/insights").json()
    assert whole["to"] == on_day(1)
    phone = clinic.enrol(clinic.patient(time_zone=zone), service.url)
    said = phone.check_in(now, self_harm_thoughts=True, time_zone=zone)
    assert said.status_code == 201, said.text

    def events(first: str, end: str) -> int:
        found = clinic.http.get("/v1/insights", params={"from": first, "to": end})
        assert found.status_code == 200, found.text
        return int(found.json()["safety"]["reported"])

    assert (events(on_day(0), on_day(1)), events(on_day(-1), on_day(0))) == (1, 0)
    beyond = clinic.http.get("/v1/insights", params={"to": on_day(2)})
    assert_problem(beyond, 422, code="period-refused", pointer="query/to")


@pytest.mark.parametrize("zone", [EAST, WEST])
def test_a_snooze_and_a_raising_are_said_with_the_patients_day(
    service: Service, clinic: ClinicClient, zone: str, fading_patient: Callable[[str], str]
) -> None:
    signal = fading_patient(zone)
    shown = clinic.http.get(f"/v1/signals/{signal}").json()
    raised = datetime.fromisoformat(shown["raised_at"]).astimezone(ZoneInfo(zone))
    nurse = CareBrowser(service, clinic.clinic_id, StaffRole.CLINICIAN)
    page = nurse.get("/care/").text
    nurse.http.close()
    assert f"when raised Nov {raised.day}" in page
    assert raised.date() != raised.astimezone(UTC).date()


@pytest.fixture
def fading_patient(service: Service, clinic: ClinicClient) -> Callable[[str], str]:
    """Raises a signal of a patient there, when it is another day by UTC than where the patient is."""

    def raise_one(zone: str) -> str:
        # 08:30 in Auckland is the day before by UTC; 20:30 in Los Angeles the day after.
        now = move_to(service, zone, time(8, 30) if zone == EAST else time(20, 30))
        patient = clinic.patient(time_zone=zone)
        last = now - timedelta(days=24)
        clinic.treat(patient, last_infusion=last)
        clinic.import_days(patient, last - timedelta(days=20), [(3, 3, 3)] * 9)
        clinic.import_days(patient, last + timedelta(days=1), [(8, 8, 8)] * 14 + [(3, 3, 3)] * 8)
        phone = clinic.enrol(patient, service.url)
        said = phone.check_in(now, (3, 3, 3), time_zone=zone)
        assert said.status_code == 201, said.text
        (signal,) = clinic.signals(patient)
        return str(signal["id"])

    return raise_one
