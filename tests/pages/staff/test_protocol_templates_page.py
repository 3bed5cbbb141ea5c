"""A clinic's own protocol templates on pages: described in the settings, changed, and started with."""

import re

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient

HERE = "/care/settings/protocols"
TWICE = {
    "name": "Twice weekly",
    "infusions": "4",
    "interval_days": "3",
    "dose_mg_per_kg": "0,5",
    "dose_mg": "",
    "route": "iv",
}


def fill(browser: PlainBrowser, path: str, **fields: str) -> tuple[int, str]:
    reply = browser.post(path, fields_of(browser.get(path).text, path) | fields)
    return reply.status_code, reply.headers.get("location", "") or reply.text


def test_a_template_is_described_changed_and_a_course_started_with_it(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    status, page = fill(clinician, HERE, **(TWICE | {"infusions": "40"}))
    assert (status, "Not saved." in page, 'value="Twice weekly"' in page) == (422, True, True), page
    assert fill(clinician, HERE, **TWICE) == (303, f"{HERE}?saved")
    shown = clinician.get(HERE).text
    assert "4 infusions, every 3 days" in shown
    assert "0.5 mg/kg" in shown
    one = re.search(rf"{HERE}/[0-9a-f-]{{36}}", shown)
    assert one is not None
    assert fill(clinician, one[0], **(TWICE | {"infusions": "6"})) == (303, f"{HERE}?saved")
    assert "6 infusions, every 3 days" in clinician.get(HERE).text

    patient = one_clinic.patient()
    status, place = send(
        clinician, f"/care/patients/{patient}/course/new", protocol=one[0].rpartition("/")[2]
    )
    assert status == 303, place
    (course,) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    assert (course["template"]["name"], course["template"]["version"]) == ("Twice weekly", 2)
    planned = one_clinic.http.get(f"/v1/patients/{patient}/appointments").json()["items"]
    assert len(planned) == 6
    register = {"external_ref": "P-of-a-template", "time_zone": "Europe/Berlin", "started_on": "2026-11-02"}
    assert "Twice weekly (6 every 3 days)" in clinician.get("/care/patients/new").text
    status, place = send(clinician, "/care/patients/new", **register, protocol=one[0].rpartition("/")[2])
    assert status == 303, place
    registered = place.split("/")[3]
    (course,) = one_clinic.http.get(f"/v1/patients/{registered}/courses").json()["items"]
    assert (course["template"]["name"], course["planned_infusions"]) == ("Twice weekly", 6)
    taken_on = one_clinic.patient()
    path = f"/care/patients/{taken_on}/course/taken-on"
    assert send(clinician, path, protocol=one[0].rpartition("/")[2])[0] == 303
    (course,) = one_clinic.http.get(f"/v1/patients/{taken_on}/courses").json()["items"]
    assert (course["template"]["name"], bool(course["taken_on_at"])) == ("Twice weekly", True)

    assert fill(clinician, one[0], retire="yes") == (303, f"{HERE}?saved")
    assert "None yet." in clinician.get(HERE).text
