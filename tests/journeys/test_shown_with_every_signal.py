"""Infusions so far and open cautions stand beside every signal, as of now and as they were when it was raised."""

from datetime import timedelta
from typing import Any

from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.service import NOW, Service

BAD = (3, 3, 3)


def write_cautions(clinic: ClinicClient, patient: str, *cautions: str) -> None:
    path = f"/v1/patients/{patient}/factors"
    etag = clinic.http.get(path).headers["etag"]
    written = clinic.http.put(path, json={"cautions": list(cautions)}, headers={"if-match": etag})
    assert written.status_code == 200, written.text


def signal_of(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    (listed,) = clinic.signals(patient)
    read: dict[str, Any] = clinic.http.get(f"/v1/signals/{listed['id']}").json()
    assert read == listed
    return read


def test_infusions_and_cautions_are_shown_with_the_signal(service: Service, clinic: ClinicClient) -> None:
    patient = treated(clinic, NOW, days_since=60, level=lambda _day: (8, 8, 8), until=50)
    write_cautions(clinic, patient, "pregnancy", "urinary_symptoms")
    for days_ago in (50, 40):
        given = {"given_at": (NOW - timedelta(days=days_ago)).isoformat(), "phase": "booster"}
        assert (
            clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
        )
    clinic.import_days(patient, NOW - timedelta(days=9), [BAD] * 10)

    raised = signal_of(clinic, patient)
    last = (NOW - timedelta(days=40)).date().isoformat()
    shown = {
        "last_on": last,
        "days_since_last": 40,
        "in_30_days": 0,
        "in_90_days": 8,
        "in_365_days": 8,
        "total": 8,
    }
    assert raised["exposure"] == shown
    assert {name: raised["decision"]["exposure"][name] for name in shown} == shown
    assert raised["cautions"] == raised["cautions_then"] == ["pregnancy", "urinary_symptoms"]
    assert "Active precautions: pregnancy, urinary symptoms." in raised["explanation"]
    assert "Last infusion 40 days ago" in raised["explanation"]

    service.clock.move_to(NOW + timedelta(days=60))
    write_cautions(clinic, patient, "mania")
    later = signal_of(clinic, patient)
    assert (later["cautions"], later["cautions_then"]) == (["mania"], ["pregnancy", "urinary_symptoms"])
    assert later["exposure"] == shown | {"days_since_last": 100, "in_90_days": 0}
    assert later["decision"] == raised["decision"]


def test_an_open_safety_event_comes_first_until_it_is_closed(service: Service, clinic: ClinicClient) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 18 else BAD)
    before = signal_of(clinic, patient)
    assert before["safety_event_open"] is False
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, BAD, self_harm_thoughts=True).status_code == 201

    unsafe = signal_of(clinic, patient)
    assert unsafe["safety_event_open"] is True
    assert unsafe["explanation"].startswith("A safety report is open: see to it first. Consider a booster")

    (event,) = clinic.http.get("/v1/safety-events", params={"patient_id": patient}).json()["items"]
    closed = clinic.http.post(f"/v1/safety-events/{event['id']}/close", json={"outcome": "contact_made"})
    assert closed.status_code == 200, closed.text
    assert signal_of(clinic, patient)["explanation"].startswith("Consider a booster")
