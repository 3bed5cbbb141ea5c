"""Every finding of the rule is a row with one life cycle: raised once, ended when over, closed by staff."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.care.reminders.due_reminders import remind_due
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, PatientClient, treated
from tests.support.service import NOW, Service, running_service

DAY = timedelta(days=1)
Values = tuple[float, float, float]


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls) -> Iterator[Service]:
    with running_service(own_database.application_url, work=False) as running:
        yield running


def treated_phone(
    service: Service, clinic: ClinicClient, level: Callable[[int], Values], days: int = 30
) -> PatientClient:
    patient = treated(clinic, NOW, days_since=days, level=level, until=days - 1)
    return clinic.enrol(patient, service.url)


def report(
    service: Service, phone: PatientClient, day: int, values: Values, *, sleep_hours: float | None = None
) -> None:
    """One check-in, so many days from now."""
    at = NOW + day * DAY
    service.clock.move_to(at)
    # An access token lasts minutes, and here days pass.
    renewed = phone.http.post("/v1/tokens/refresh", json={"refresh_token": phone.refresh_token}).json()
    phone.refresh_token = renewed["refresh_token"]
    phone.http.headers["authorization"] = f"Bearer {renewed['access_token']}"
    more = {} if sleep_hours is None else {"sleep_hours": sleep_hours}
    assert phone.check_in(at, values, check_in_id=None, **more).is_success


def rows(clinic: ClinicClient, code: str, state: str = "open") -> list[dict[str, Any]]:
    listed = clinic.http.get("/v1/findings", params={"state": state, "limit": 100}).json()["items"]
    return [one for one in listed if one["code"] == code]


def close(clinic: ClinicClient, finding: dict[str, Any]) -> None:
    reply = clinic.http.post(f"/v1/findings/{finding['id']}/close", json={"outcome": "contacted"})
    assert reply.is_success, reply.text


def worse(day: int) -> Values:
    return (8, 7, 7) if day <= 20 else (0, 0, 0)


def test_worse_than_before_is_raised_once_says_why_and_ends_when_it_is_over(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, worse)
    for day in range(3):
        report(service, phone, day, (0, 0, 0))
    (found,) = rows(clinic, "worse_than_before")
    assert found["facts"]["said"].startswith("Worse than before treatment: mood 0, 0, 0; 3.0 before.")
    assert found["facts"]["numbers"][0]["domain"] == "mood"
    for day in range(3, 20):
        report(service, phone, day, (8, 7, 7))
    assert rows(clinic, "worse_than_before") == []
    assert [one["outcome"] for one in rows(clinic, "worse_than_before", "closed")] == ["ended"]


def test_what_staff_closed_stands_again_only_when_it_has_begun_again(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, worse)
    report(service, phone, 0, (0, 0, 0))
    close(clinic, rows(clinic, "worse_than_before")[0])
    report(service, phone, 1, (0, 0, 0))
    assert rows(clinic, "worse_than_before") == []
    for day in range(2, 16):
        report(service, phone, day, (8, 7, 7))
    for day in range(16, 26):
        report(service, phone, day, (0, 0, 0))
    assert len(rows(clinic, "worse_than_before")) == 1


def test_elevated_mood_is_a_row_until_a_week_after_the_last_such_day(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, lambda _: (8, 7, 7))
    for day in range(3):
        report(service, phone, day, (10, 10, 2), sleep_hours=3)
    (found,) = rows(clinic, "elevated_mood")
    assert "3 h of sleep" in found["facts"]["said"]
    for day in range(3, 10):
        report(service, phone, day, (8, 7, 7), sleep_hours=7)
    assert rows(clinic, "elevated_mood") == []


def test_hours_of_sleep_of_0_and_24_are_taken_as_reported(service: Service, clinic: ClinicClient) -> None:
    phone = treated_phone(service, clinic, lambda _: (8, 7, 7))
    for day in range(3):
        report(service, phone, day, (10, 10, 2), sleep_hours=24)
    assert rows(clinic, "elevated_mood") == []
    for day in range(3, 6):
        report(service, phone, day, (10, 10, 2), sleep_hours=0)
    (found,) = rows(clinic, "elevated_mood")
    assert [one["sleep_hours"] for one in found["facts"]["numbers"]][-3:] == [0, 0, 0]


def test_boosters_that_do_not_hold_are_one_row_and_a_new_one_at_the_next_crossing_after_closing(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, lambda day: (8, 7, 7) if day <= 20 else (3, 3, 3), days=22)

    def booster(at: datetime) -> None:
        given = {"given_at": at.isoformat(), "phase": "booster"} | CONFIRMED
        reply = clinic.http.post(f"/v1/patients/{phone.patient_id}/infusions", json=given)
        assert reply.status_code == 201, reply.text

    booster(NOW - timedelta(hours=30))
    for day in range(7):
        report(service, phone, day, (3, 3, 3))
    (found,) = rows(clinic, "boosters_not_holding")
    close(clinic, found)
    service.clock.move_to(NOW + 7 * DAY)
    booster(NOW + 7 * DAY - timedelta(hours=2))
    for day in range(8, 16):
        report(service, phone, day, (3, 3, 3))
    (again,) = rows(clinic, "boosters_not_holding")
    assert again["id"] != found["id"]


def test_two_low_days_and_then_silence_are_known_by_time_alone_and_end_with_the_next_report(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, lambda day: (8, 7, 7) if day < 29 else (3, 3, 3))
    report(service, phone, 0, (3, 3, 3))
    raised_after = None
    for day in range(1, 10):
        service.clock.move_to(NOW + day * DAY)
        service.run(remind_due(service.context, UUID(clinic.clinic_id)))
        if raised_after is None and rows(clinic, "silent_after_low"):
            raised_after = day
    assert raised_after is not None
    assert 4 <= raised_after <= 6
    assert len(rows(clinic, "unknown")) == 1
    report(service, phone, 10, (3, 3, 3))
    assert rows(clinic, "silent_after_low") == rows(clinic, "unknown") == []


def test_check_ins_and_a_questionnaire_that_disagree_are_a_row(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, lambda day: (8, 7, 7) if day <= 22 else (3, 3, 3))
    path = f"/v1/patients/{phone.patient_id}/assessments"
    for days_ago, total in ((45, 20), (25, 4), (1, 3)):
        body = {"scale": "phq-9", "taken_at": (NOW - days_ago * DAY).isoformat(), "total": total}
        assert clinic.http.post(path, json=body).status_code == 201
    report(service, phone, 0, (3, 3, 3))
    (found,) = rows(clinic, "check_ins_and_scale_disagree")
    assert found["facts"]["said"].startswith("Check-ins and PHQ-9 disagree")


def test_a_gain_below_the_best_is_a_line_and_no_row(service: Service, clinic: ClinicClient) -> None:
    phone = treated_phone(
        service, clinic, lambda day: (5, 5, 5) if day < 10 or day > 40 else (9, 9, 9), days=58
    )
    report(service, phone, 0, (5, 5, 5))
    evaluation = clinic.evaluation(phone.patient_id)
    assert "below_best" in [one["code"] for one in evaluation["findings"]]
    assert rows(clinic, "below_best") == []


def test_an_open_signal_is_said_as_raised_and_as_now_and_that_it_became_steady_without_an_infusion(
    service: Service, clinic: ClinicClient
) -> None:
    phone = treated_phone(service, clinic, lambda day: (8, 7, 7) if day <= 22 else (3, 3, 3))
    report(service, phone, 0, (3, 3, 3))
    said = clinic.evaluation(phone.patient_id)
    headline = next(one for one in said["explanation_parts"] if one["code"] == "headline")["text"]
    assert " when raised " in headline
    assert "Call by " in headline
    assert said["remarks"] == []
    # A booster elsewhere that nobody recorded.
    for day in range(1, 12):
        report(service, phone, day, (8, 7, 7))
    said = clinic.evaluation(phone.patient_id)
    assert said["remarks"] == ["steady_without_infusion"]
    assert "became steady without a recorded infusion" in said["explanation"]
