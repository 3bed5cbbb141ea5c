"""The main job, end to end: check-ins in, "consider booster" out, by a webhook that a receiver verifies."""

from datetime import timedelta

from tests.support.people import ClinicClient, treated
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


def test_a_fading_benefit_reaches_the_clinic_as_one_verified_signal(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=16)
    phone = clinic.enrol(patient, service.url)
    for day in range(17, 25):
        reply = phone.check_in(NOW - timedelta(days=24 - day), (4, 4, 4))
        assert reply.status_code == 201, reply.text

    (event,) = receiver.wait_for("signal.raised")

    assert event.verified
    assert event.event["data"]["patient_id"] == patient
    (signal,) = clinic.signals(patient)
    assert event.event["data"]["signal_id"] == signal["id"]
    assert signal["level"] == "consider_booster"
    assert signal["criterion"] == "gain_lost"
    assert signal["explanation"].startswith("Consider a booster.")
    assert clinic.evaluation(patient)["level"] == "consider_booster"


def test_a_lasting_benefit_raises_nothing(clinic: ClinicClient) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8))

    assert clinic.evaluation(patient)["level"] == "steady"
    assert clinic.signals(patient) == []
