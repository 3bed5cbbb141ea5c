"""When a check-in was: how far back, which day it belongs to, in which zone, on days of 23 and 25 hours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.foundation.ids import new_id
from tests.support.people import ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=9, seconds=59), timedelta(minutes=10)])
def test_a_clock_that_is_a_little_ahead_is_forgiven(
    one_clinic: ClinicClient, service: Service, ahead: timedelta
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)

    assert phone.check_in(NOW + ahead).status_code == 201


def test_a_report_from_the_future_is_refused_by_name(one_clinic: ClinicClient, service: Service) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)

    for ahead in (timedelta(minutes=10, microseconds=1), timedelta(days=1), timedelta(days=36500)):
        reply = phone.check_in(NOW + ahead)
        assert_problem(reply, 422, pointer="#/recorded_at", code="check-in-in-future")


def test_thirty_days_back_is_late_and_one_moment_more_is_too_old(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)

    edge = phone.check_in(NOW - timedelta(days=30))
    assert (edge.status_code, edge.json()["late"]) == (201, True)
    reply = phone.check_in(NOW - timedelta(days=30, microseconds=1))
    assert_problem(reply, 422, pointer="#/recorded_at", code="check-in-too-old")


def test_what_was_kept_in_time_may_be_sent_again_when_it_is_too_old(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    check_in_id, reported_at = str(new_id()), NOW - timedelta(days=29)
    assert phone.check_in(reported_at, check_in_id=check_in_id).status_code == 201

    service.clock.move_to(NOW + timedelta(minutes=14))
    assert phone.check_in(reported_at - timedelta(days=1), check_in_id=check_in_id).status_code == 409
    service.clock.move_to(NOW + timedelta(days=5))
    fresh = one_clinic.enrol(phone.patient_id, service.url)
    again = fresh.check_in(reported_at, check_in_id=check_in_id)

    assert again.status_code == 200


@pytest.mark.parametrize("made", [new_id, uuid4])
def test_a_report_that_is_sent_again_in_another_month_is_one_report(
    one_clinic: ClinicClient, service: Service, made: Callable[[], UUID]
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    check_in_id = str(made())
    assert phone.check_in(NOW, check_in_id=check_in_id).status_code == 201

    service.clock.move_to(NOW + timedelta(days=29))
    fresh = one_clinic.enrol(phone.patient_id, service.url)
    assert fresh.check_in(NOW, check_in_id=check_in_id).status_code == 200
    assert [one["id"] for one in fresh.http.get("/v1/check-ins").json()["items"]] == [check_in_id]


DAYS = [
    # (what the phone says, zone, the day it belongs to)
    ("2026-11-03T03:59:59+01:00", "Europe/Berlin", "2026-11-02"),
    ("2026-11-03T04:00:00+01:00", "Europe/Berlin", "2026-11-03"),
    ("2026-11-03T01:37:00+01:00", "Europe/Berlin", "2026-11-02"),
    # The offset only says when; the zone says where the day begins.
    ("2026-11-03T02:59:59Z", "Europe/Berlin", "2026-11-02"),
    ("2026-11-03T03:00:00Z", "Europe/Berlin", "2026-11-03"),
    ("2026-11-03T08:59:59Z", "America/New_York", "2026-11-02"),
    ("2026-11-03T09:00:00Z", "America/New_York", "2026-11-03"),
    ("2026-11-03T13:30:00+14:00", "Pacific/Kiritimati", "2026-11-03"),
    ("2026-11-02T23:30:00Z", "Pacific/Kiritimati", "2026-11-03"),
    ("2026-11-02T22:14:59Z", "Asia/Kathmandu", "2026-11-02"),
    ("2026-11-02T22:15:00Z", "Asia/Kathmandu", "2026-11-03"),
    # 25 October 2026: 02:00-03:00 comes twice in Berlin; 04:00 is at 03:00 UTC.
    ("2026-10-25T02:30:00+02:00", "Europe/Berlin", "2026-10-24"),
    ("2026-10-25T02:30:00+01:00", "Europe/Berlin", "2026-10-24"),
    ("2026-10-25T02:59:59Z", "Europe/Berlin", "2026-10-24"),
    ("2026-10-25T03:00:00Z", "Europe/Berlin", "2026-10-25"),
    # 1 November 2026: 01:00-02:00 comes twice in New York; 04:00 is at 09:00 UTC.
    ("2026-11-01T01:30:00-04:00", "America/New_York", "2026-10-31"),
    ("2026-11-01T01:30:00-05:00", "America/New_York", "2026-10-31"),
    ("2026-11-01T08:59:59Z", "America/New_York", "2026-10-31"),
    ("2026-11-01T09:00:00Z", "America/New_York", "2026-11-01"),
]
IMPORTED_DAYS = [
    # 29 March 2026: 02:00-03:00 does not exist in Berlin; 04:00 is at 02:00 UTC.
    ("2026-03-29T01:59:59Z", "Europe/Berlin", "2026-03-28"),
    ("2026-03-29T02:00:00Z", "Europe/Berlin", "2026-03-29"),
    # Samoa had no 30 December 2011.
    ("2011-12-29T23:00:00-10:00", "Pacific/Apia", "2011-12-29"),
    ("2011-12-31T04:00:00+14:00", "Pacific/Apia", "2011-12-31"),
]


@pytest.mark.parametrize(("said", "zone", "day"), DAYS)
def test_a_day_runs_from_four_to_four_where_the_person_is(
    one_clinic: ClinicClient, service: Service, said: str, zone: str, day: str
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(time_zone="Asia/Tokyo"), service.url)

    reply = phone.check_in(datetime.fromisoformat(said), time_zone=zone)

    assert reply.status_code == 201, reply.text
    assert reply.json()["check_in_day"] == day
    assert datetime.fromisoformat(reply.json()["recorded_at"]) == datetime.fromisoformat(said)


@pytest.mark.parametrize(("said", "zone", "day"), IMPORTED_DAYS)
def test_days_of_long_ago_are_kept_apart_too(
    one_clinic: ClinicClient, said: str, zone: str, day: str
) -> None:
    items = [{"id": str(new_id()), "recorded_at": said, "time_zone": zone, "mood": 5}]
    path = f"/v1/patients/{one_clinic.patient()}/check-ins/batch"

    (result,) = one_clinic.http.post(path, json={"items": items}).json()["results"]

    assert result["check_in"]["check_in_day"] == day


def test_a_report_after_its_day_is_flagged_late(one_clinic: ClinicClient, service: Service) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    four_in_berlin = datetime(2026, 11, 3, 3, 0, tzinfo=UTC)

    assert phone.check_in(four_in_berlin - timedelta(seconds=1)).json()["late"] is True
    assert phone.check_in(four_in_berlin).json()["late"] is False
    service.clock.move_to(four_in_berlin)
    last_night = one_clinic.enrol(phone.patient_id, service.url)
    service.clock.move_to(four_in_berlin - timedelta(seconds=1))
    assert last_night.check_in(four_in_berlin - timedelta(hours=2)).json()["late"] is False


def test_a_traveller_moves_on_and_the_past_days_stay(one_clinic: ClinicClient, service: Service) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    moment = datetime(2026, 11, 3, 3, 30, tzinfo=UTC)
    before = phone.check_in(moment)

    changed = phone.http.patch("/v1/me", json={"time_zone": "America/Los_Angeles"})
    after = phone.check_in(moment, (6, 6, 6), time_zone="America/Los_Angeles")

    assert changed.json()["time_zone"] == "America/Los_Angeles"
    days = {one["id"]: one["check_in_day"] for one in phone.http.get("/v1/check-ins").json()["items"]}
    assert days[before.json()["id"]] == "2026-11-03"
    assert days[after.json()["id"]] == "2026-11-02"
