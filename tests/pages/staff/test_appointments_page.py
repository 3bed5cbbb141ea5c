"""Staff plan, move and cancel appointments, and enter a planned infusion as given, on pages."""

from datetime import timedelta

import pytest

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    assert service.clock.now() == NOW
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


def test_a_booster_is_planned_moved_and_entered_as_given(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    path = f"/care/patients/{patient}/appointments"
    day = (NOW + timedelta(days=3)).date().isoformat()
    status, page = send(clinician, f"{path}/new", on="2026-01-01")
    assert (status, "today or later" in page) == (422, True), page
    status, where = send(clinician, f"{path}/new", on=day, at="09:30", dose_mg="40", route="iv")
    assert (status, where) == (303, f"{path}?notice=planned")
    (made,) = one_clinic.http.get(f"/v1/patients/{patient}/appointments").json()["items"]
    shown = clinician.get(f"/care/patients/{patient}").text
    assert f"{path}/{made['id']}/give" in shown
    assert "1 planned" in clinician.get("/care/").text
    assert f"/care/patients/{patient}" in clinician.get(f"/care/patients?booster={day}").text
    today = NOW.date().isoformat()
    assert send(clinician, f"{path}/{made['id']}", on=today)[0] == 303
    status, where = send(clinician, f"{path}/{made['id']}/give")
    assert (status, where) == (303, f"/care/patients/{patient}?notice=infusion"), where
    (latest, *_) = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    assert (latest["phase"], latest["dose_mg"], latest["route"]) == ("booster", 40, "iv")
    assert "kept" in clinician.get(path).text


def test_an_appointment_is_canceled(clinician: PlainBrowser, one_clinic: ClinicClient, patient: str) -> None:
    path = f"/care/patients/{patient}/appointments"
    entry = {"kind": "visit", "on": (NOW + timedelta(days=8)).date().isoformat()}
    made = one_clinic.http.post(f"/v1/patients/{patient}/appointments", json=entry).json()["id"]
    assert send(clinician, f"{path}/{made}/cancel")[0] == 303
    assert "canceled" in clinician.get(path).text
    assert send(clinician, f"{path}/{made}/cancel")[0] == 409
