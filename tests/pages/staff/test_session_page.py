"""Staff document a session on its page: what was measured, how the patient bore it, and notes."""

from datetime import timedelta

import pytest

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    assert service.clock.now() == NOW
    return treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)


def test_a_session_is_documented_and_shown_with_its_infusion(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    given_at = (NOW - timedelta(hours=4)).isoformat()
    given = {"given_at": given_at, "phase": "booster", "dose_mg": 56.0, "route": "intranasal"}
    made = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).json()["id"]
    path = f"/care/patients/{patient}/infusions/{made}/session"
    assert path in clinician.get(f"/care/patients/{patient}").text
    status, page = send(clinician, path, before_systolic="78", before_diastolic="122")
    assert (status, "these look exchanged" in page) == (422, True), page
    filled = {
        "before_systolic": "122",
        "before_diastolic": "78",
        "peak_pulse": "155",
        "effects_nausea": "yes",
    }
    status, page = send(clinician, path, **filled, ended="16:00", note="Slept")
    assert (status, 'name="confirm_unusual_vitals"' in page) == (409, True), page
    confirmed = filled | {"confirm_unusual_vitals": "yes"}
    status, where = send(clinician, path, **confirmed, ended="16:00", note="Slept")
    assert (status, where) == (303, f"/care/patients/{patient}?notice=session")
    shown = clinician.get(f"/care/patients/{patient}").text
    assert "122/78 mmHg before. pulse 155 at the peak. Nausea" in shown
    assert "56 mg" in shown
    kept = one_clinic.http.get(f"/v1/patients/{patient}/infusions/{made}/session").json()
    assert (kept["note"], kept["session"]["side_effects"]) == ("Slept", ["nausea"])
    assert 'value="122"' in clinician.get(path).text
