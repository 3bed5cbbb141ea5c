"""Staff enter what else changed, see it on the chart and with a signal, and correct it in place."""

from datetime import timedelta

import pytest

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    """A patient with an open signal."""
    made = treated(one_clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 16 else (3, 3, 3))
    assert one_clinic.enrol(made, service.url).check_in(NOW, (3, 3, 3)).status_code == 201
    return made


def test_what_else_changed_is_entered_and_stands_on_the_chart_and_with_the_signal(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    path = f"/care/patients/{patient}/circumstances"
    assert f"{path}/new" in clinician.get(f"/care/patients/{patient}").text
    since = (NOW - timedelta(days=8)).date().isoformat()
    status, page = send(clinician, f"{path}/new", kind="weight", since=since, weight_kg="")
    assert (status, "This kind needs its value" in page) == (422, True), page
    status, where = send(clinician, f"{path}/new", kind="tms", since=since, detail="20 sessions, left")
    assert (status, where) == (303, f"/care/patients/{patient}?notice=circumstance")
    patients_page = clinician.get(where).text
    assert "Saved. It stands on the chart from its day on." in patients_page
    assert "TMS: 20 sessions, left" in patients_page
    assert '<rect class="change"' in patients_page
    assert "<title>A, Oct 26: TMS: 20 sessions, left</title>" in patients_page
    (signal,) = one_clinic.signals(patient)
    context = clinician.get(f"/care/signals/{signal['id']}").text.partition("Treatment context")[2]
    assert "TMS: 20 sessions, left" in context.partition("</section>")[0]


def test_what_is_unlikely_is_asked_about_on_the_page(clinician: PlainBrowser, patient: str) -> None:
    path = f"/care/patients/{patient}/circumstances"
    status, page = send(clinician, f"{path}/new", kind="weight", since="2026-06-01", weight_kg="210,5")
    assert (status, 'name="confirm_unusual_weight"' in page) == (409, True), page
    confirmed = {
        "kind": "weight",
        "since": "2026-06-01",
        "weight_kg": "210,5",
        "confirm_unusual_weight": "yes",
    }
    assert send(clinician, f"{path}/new", **confirmed)[0] == 303
    assert "Weight: 210.5 kg" in clinician.get(f"/care/patients/{patient}/record").text


def test_it_is_amended_marked_as_entered_in_error_and_restored_in_place(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    record = f"/care/patients/{patient}/record"
    entry = {"kind": "psychotherapy", "since": "2026-06-01"}
    made = one_clinic.http.post(f"/v1/patients/{patient}/circumstances", json=entry).json()["id"]
    path = f"{record}/circumstances/{made}"
    status, where = send(clinician, path, since="2026-07-01", reason="A month later")
    assert (status, where) == (303, f"{record}?notice=amended-beside")
    (kept,) = one_clinic.http.get(f"/v1/patients/{patient}/circumstances").json()["items"]
    assert (kept["since"], kept["version"]) == ("2026-07-01", 2)
    assert send(clinician, f"{path}/void", reason="Another patient's")[0] == 303
    assert ">Entered in error</span>" in clinician.get(record).text
    assert clinician.get(path).status_code == 404
    assert send(clinician, f"{path}/restore", reason="")[0] == 303
    assert clinician.get(path).status_code == 200
