"""A snoozed signal comes back by itself, as it was."""

from datetime import timedelta

from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


def fading(service: Service, clinic: ClinicClient) -> dict[str, str]:
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (4, 4, 4))
    (signal,) = clinic.signals(patient)
    assert service.clock.now() == NOW
    return signal


def test_a_snoozed_signal_is_open_again_when_its_time_is_over(service: Service, clinic: ClinicClient) -> None:
    signal = fading(service, clinic)
    until = NOW + timedelta(days=3)
    clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json={"until": until.isoformat()})

    service.clock.move_to(until - timedelta(minutes=1))
    service.sweep()
    before = clinic.http.get(f"/v1/signals/{signal['id']}").json()["state"]
    service.clock.move_to(until + timedelta(minutes=1))
    service.sweep()

    assert before == "snoozed"
    assert clinic.http.get(f"/v1/signals/{signal['id']}").json()["state"] == "open"


def test_an_acknowledged_signal_comes_back_acknowledged(service: Service, clinic: ClinicClient) -> None:
    signal = fading(service, clinic)
    until = NOW + timedelta(days=1)
    clinic.http.post(f"/v1/signals/{signal['id']}/acknowledge")
    clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json={"until": until.isoformat()})

    service.clock.move_to(until)
    service.sweep()

    assert clinic.http.get(f"/v1/signals/{signal['id']}").json()["state"] == "acknowledged"


def test_a_snooze_of_more_than_14_days_is_refused(service: Service, clinic: ClinicClient) -> None:
    signal = fading(service, clinic)
    until = NOW + timedelta(days=15)

    reply = clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json={"until": until.isoformat()})

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == "#/until"
