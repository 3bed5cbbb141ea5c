"""A booked booster holds signals back until two days after its day; clearing it or an infusion ends that."""

from datetime import timedelta

from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

BAD = (3, 3, 3)


def booked_on(clinic: ClinicClient, patient: str) -> str | None:
    day: str | None = clinic.http.get(f"/v1/patients/{patient}/booked-booster").json()["on"]
    return day


def in_days(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


def lost(clinic: ClinicClient) -> str:
    """A patient with an open signal."""
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 18 else BAD)
    assert len(clinic.signals(patient)) == 1
    return patient


def close_as_booked(clinic: ClinicClient, patient: str, *, days: int) -> None:
    (signal,) = clinic.signals(patient, state="open")
    closing = {"disposition": "booster_booked", "booster_booked_for": in_days(days)}
    reply = clinic.http.post(f"/v1/signals/{signal['id']}/close", json=closing)
    assert reply.status_code == 200, reply.text
    assert reply.json()["booster_booked_for"] == booked_on(clinic, patient) == in_days(days)


def report(service: Service, clinic: ClinicClient, patient: str, *days: int) -> None:
    for day in days:
        now = NOW + timedelta(days=day)
        service.clock.move_to(now)
        clinic.import_days(patient, now, [BAD])


def test_a_signal_closed_as_booked_stays_quiet_until_two_days_after_the_day(
    service: Service, clinic: ClinicClient
) -> None:
    patient = lost(clinic)
    close_as_booked(clinic, patient, days=16)
    report(service, clinic, patient, *range(1, 19))
    assert clinic.evaluation(patient)["level"] == "consider_booster"
    assert clinic.signals(patient, state="open") == []
    report(service, clinic, patient, 19)
    assert len(clinic.signals(patient, state="open")) == 1


def test_a_booking_that_is_cleared_holds_nothing_back(service: Service, clinic: ClinicClient) -> None:
    patient = lost(clinic)
    close_as_booked(clinic, patient, days=30)
    report(service, clinic, patient, *range(1, 16))
    assert clinic.signals(patient, state="open") == []
    assert clinic.http.delete(f"/v1/patients/{patient}/booked-booster").status_code == 204
    assert booked_on(clinic, patient) is None
    assert len(clinic.signals(patient, state="open")) == 1
    (closed,) = clinic.signals(patient, state="closed")
    assert closed["booster_booked_for"] == in_days(30), "with what it was closed is not rewritten"


def test_the_next_infusion_is_the_booked_one_whether_early_or_late(
    service: Service, clinic: ClinicClient
) -> None:
    for given_after in (1, 9):
        service.clock.move_to(NOW)
        patient = lost(clinic)
        close_as_booked(clinic, patient, days=5)
        infusions = f"/v1/patients/{patient}/infusions"
        before = {"given_at": (NOW - timedelta(days=12)).isoformat(), "phase": "booster"}
        assert clinic.http.post(infusions, json=before).status_code == 201
        assert booked_on(clinic, patient) == in_days(5), "one that was given before it was booked is another"
        service.clock.move_to(NOW + timedelta(days=given_after))
        given = {"given_at": service.clock.now().isoformat(), "phase": "booster"}
        assert clinic.http.post(infusions, json=given).status_code == 201
        assert booked_on(clinic, patient) is None


def test_a_signal_is_not_closed_as_booked_without_a_day_to_come(clinic: ClinicClient) -> None:
    patient = lost(clinic)
    (signal,) = clinic.signals(patient)
    close = f"/v1/signals/{signal['id']}/close"
    nameless = clinic.http.post(close, json={"disposition": "booster_booked"})
    assert_problem(nameless, 422, code="booking-day-missing", pointer="#/booster_booked_for")
    past = {"disposition": "booster_booked", "booster_booked_for": in_days(-1)}
    assert_problem(
        clinic.http.post(close, json=past), 422, code="booking-in-past", pointer="#/booster_booked_for"
    )
    assert clinic.signals(patient, state="open")
    assert (
        clinic.http.put(f"/v1/patients/{patient}/booked-booster", json={"on": in_days(3)}).status_code == 200
    )
    closed = clinic.http.post(close, json={"disposition": "booster_booked"}).json()
    assert (closed["state"], closed["booster_booked_for"]) == ("closed", in_days(3))
