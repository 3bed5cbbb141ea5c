"""The clinic is notified once that a series is complete; not of series that lie in the past."""

from datetime import timedelta

import pytest

from tests.support.people import CONFIRMED, ClinicClient
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_the_last_planned_infusion_notifies_once(
    clinic: ClinicClient, service: Service, receiver: Receiver, order: tuple[int, ...]
) -> None:
    receiver.secret = clinic.add_endpoint(receiver.url, ["induction.review_due"])["secret"]
    patient = clinic.patient()
    first = NOW - timedelta(days=9)
    course = {"protocol": "standard", "planned_infusions": 4, "started_on": first.date().isoformat()}
    clinic.http.post(f"/v1/patients/{patient}/courses", json=course)
    for number in order:
        assert receiver.accepted("induction.review_due") == []
        given = {"given_at": (first + timedelta(days=3 * number)).isoformat(), "phase": "induction"}
        assert (
            clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
        )

    receiver.wait_for("induction.review_due")
    phone = clinic.enrol(patient, service.url)
    for _ in range(2):
        phone.check_in(NOW, (8, 8, 8))
    clinic.add_endpoint(receiver.url + "/asked", ["patient.asked_about_booster"])
    phone.check_in(NOW, (8, 8, 8), asks_about_booster=True)
    receiver.wait_for("patient.asked_about_booster")
    assert len(receiver.accepted("induction.review_due")) == 1


def test_a_series_of_the_past_is_not_announced(
    clinic: ClinicClient, service: Service, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url, ["induction.review_due", "patient.asked_about_booster"])
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=15))
    phone = clinic.enrol(patient, service.url)

    phone.check_in(NOW, (8, 8, 8), asks_about_booster=True)

    receiver.wait_for("patient.asked_about_booster")
    assert receiver.accepted("induction.review_due") == []


def test_a_series_that_fell_silent_is_announced_with_the_next_report_only(
    clinic: ClinicClient, service: Service, receiver: Receiver
) -> None:
    """Its infusions may still be about to be entered."""
    clinic.add_endpoint(receiver.url, ["induction.review_due"])
    patient = clinic.patient()
    given = {"given_at": (NOW - timedelta(days=20)).isoformat(), "phase": "induction"}
    clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)
    phone = clinic.enrol(patient, service.url)
    assert receiver.accepted("induction.review_due") == []

    phone.check_in(NOW, (8, 8, 8))

    receiver.wait_for("induction.review_due")
