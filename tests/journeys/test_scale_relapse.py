"""Criterion B end to end: a validated total back at relapse level, twice, says "consider a booster"."""

from datetime import timedelta
from typing import Any

from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

LAST_INFUSION = NOW - timedelta(days=40)
FIRST_INFUSION = LAST_INFUSION - timedelta(days=10)


def enter(clinic: ClinicClient, patient: str, total: int, *, days_after: float) -> dict[str, Any]:
    taken_at = (LAST_INFUSION + timedelta(days=days_after)).isoformat()
    reply = clinic.http.post(
        f"/v1/patients/{patient}/assessments", json={"scale": "phq-9", "taken_at": taken_at, "total": total}
    )
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def responder(clinic: ClinicClient) -> str:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=LAST_INFUSION)
    assert enter(clinic, patient, 20, days_after=-12)["response"] is None
    assert enter(clinic, patient, 6, days_after=3)["response"] == "response"
    return patient


def test_the_second_crossing_raises_one_signal_and_the_first_only_watches(
    clinic: ClinicClient, service: Service
) -> None:
    patient = responder(clinic)
    enter(clinic, patient, 15, days_after=26)
    assert clinic.evaluation(patient)["level"] == "watch"
    assert clinic.signals(patient) == []

    said = enter(clinic, patient, 16, days_after=39)

    assert said["response"] == "none"
    (signal,) = clinic.signals(patient)
    assert (signal["level"], signal["criterion"]) == ("consider_booster", "scale_relapse")
    assert "PHQ-9" in signal["explanation"]
    service.clock.move_to(NOW + timedelta(days=1))
    enter(clinic, patient, 17, days_after=40.5)
    assert len(clinic.signals(patient)) == 1


def test_totals_that_arrive_in_another_order_say_the_same(clinic: ClinicClient) -> None:
    patients = [clinic.patient() for _ in range(2)]
    totals = [(-12, 20), (3, 6), (26, 15), (39, 16)]
    for patient, order in zip(patients, (totals, totals[::-1]), strict=True):
        clinic.treat(patient, last_infusion=LAST_INFUSION)
        for days_after, total in order:
            enter(clinic, patient, total, days_after=days_after)

    first, second = (clinic.evaluation(patient) for patient in patients)

    assert first == second
    assert first["level"] == "consider_booster"


def test_a_check_in_after_a_total_still_knows_of_it(clinic: ClinicClient, service: Service) -> None:
    """The incremental way keeps what was learnt from the whole history."""
    patient = responder(clinic)
    enter(clinic, patient, 15, days_after=39)
    phone = clinic.enrol(patient, service.url)

    assert phone.check_in(NOW, (8, 8, 8)).status_code == 201

    assert clinic.evaluation(patient)["level"] == "watch"
