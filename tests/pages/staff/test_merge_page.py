"""A duplicate is merged on pages: found by chart number, both shown, confirmed with a reason, taken back."""

import pytest

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser
from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def patients(service: Service, one_clinic: ClinicClient) -> tuple[str, str]:
    """The duplicate, and the patient who stays."""
    assert service.clock.now() == NOW
    stays = treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)
    return one_clinic.patient(), stays


def number_of(clinic: ClinicClient, patient: str) -> str:
    return str(clinic.http.get(f"/v1/patients/{patient}").json()["external_ref"])


def test_both_are_shown_before_a_merge_is_confirmed_with_a_reason_and_it_can_be_taken_back(
    clinician: PlainBrowser, one_clinic: ClinicClient, patients: tuple[str, str]
) -> None:
    goes, stays = patients
    number, kept = (number_of(one_clinic, one) for one in patients)
    path, page_of_stays = f"/care/patients/{goes}/merge", f"/care/patients/{stays}"
    assert path in clinician.get(f"/care/patients/{goes}").text
    assert send(clinician, path, into=kept) == (303, f"{path}/{stays}")
    shown = clinician.get(f"{path}/{stays}").text
    for said in (f"Merge {number} into {kept}?", f"Goes: {number}", f"Stays: {kept}", "6 infusions"):
        assert said in shown, said

    status, page = send(clinician, f"{path}/{stays}", reason=" ")
    assert (status, "Please say why" in page) == (422, True), page
    assert one_clinic.http.get(f"/v1/patients/{goes}").status_code == 200, "nothing is changed yet"
    done = send(clinician, f"{path}/{stays}", reason="Registered twice")
    assert done == (303, f"{page_of_stays}?notice=merged")
    assert "The duplicate is merged." in clinician.get(done[1]).text
    assert_problem(one_clinic.http.get(f"/v1/patients/{goes}"), 410, code="patient-merged")

    back = f"{page_of_stays}/unmerge/{goes}"
    assert back in clinician.get(page_of_stays).text
    assert send(clinician, back, reason="Two people") == (303, f"{page_of_stays}?notice=unmerged")
    assert one_clinic.http.get(f"/v1/patients/{goes}").status_code == 200
    assert back not in clinician.get(page_of_stays).text
    timeline = clinician.get(f"{page_of_stays}?show=corrections").text.partition('id="tl"')[2]
    for said in (
        "The merge of a duplicate was taken back",
        "Two people",
        "A duplicate was merged into this patient",
        "Registered twice",
    ):
        assert said in timeline, said


def test_nobody_and_the_patient_themselves_are_no_patient_to_merge_into(
    clinician: PlainBrowser, one_clinic: ClinicClient, patients: tuple[str, str]
) -> None:
    path = f"/care/patients/{patients[0]}/merge"
    for wrong in ("P-nobody", number_of(one_clinic, patients[0])):
        status, page = send(clinician, path, into=wrong)
        assert (status, "No other patient has this chart number." in page) == (422, True), page
        assert f'value="{wrong}"' in page
