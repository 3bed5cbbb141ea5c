"""Staff assign a care team on its page, and Today shows each member the own patients."""

import pytest

from app.access.clinics.permissions import StaffRole
from tests.pages.staff.test_record_page import send
from tests.support.care_browser import CareBrowser, fading
from tests.support.people import ClinicClient
from tests.support.service import Service
from tests.support.staff import joined


@pytest.fixture
def kim(service: Service, clinic: ClinicClient) -> CareBrowser:
    return CareBrowser(service, clinic.clinic_id, name="Kim Example")


def test_a_care_team_is_assigned_on_its_page(
    service: Service, clinic: ClinicClient, kim: CareBrowser
) -> None:
    member, patient = joined(service, clinic, StaffRole.COORDINATOR), clinic.patient()
    path = f"/care/patients/{patient}/care-team"
    assert path in kim.get(f"/care/patients/{patient}").text
    chosen = {f"m_{member.id}": "on_call"}
    assert send(kim, path, **chosen) == (303, f"/care/patients/{patient}?notice=care-team")
    kept = clinic.http.get(f"/v1/patients/{patient}/care-team").json()
    assert kept == {"members": [{"member_id": member.id, "duty": "on_call"}], "version": 1}
    late = kim.post(path, {"version": "0", **chosen} | {"form_token": ""})
    assert late.status_code >= 400


def test_today_shows_a_member_the_own_patients(clinic: ClinicClient, kim: CareBrowser) -> None:
    mine = fading(clinic, "P-1042")
    fading(clinic, "P-1043")
    (me,) = [
        one["id"] for one in clinic.http.get("/v1/staff").json()["items"] if one["name"] == "Kim Example"
    ]
    patient = mine["patient_id"]
    body = {"members": [{"member_id": me, "duty": "first"}]}
    reply = clinic.http.put(f"/v1/patients/{patient}/care-team", json=body, headers={"if-match": '"0"'})
    assert reply.status_code == 200, reply.text
    shown = kim.get("/care/?show=patients").text
    assert "My patients" in shown
    assert ("P-1042" in shown, "P-1043" in shown) == (True, False)
