"""A patient who joins in maintenance is taken on with a form: what is known of the past, and a stable period."""

from datetime import timedelta

import pytest

from tests.pages.staff.test_record_page import send
from tests.support.browser import PlainBrowser
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service


def day(ago: int) -> str:
    return (NOW.date() - timedelta(days=ago)).isoformat()


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    assert service.clock.now() == NOW
    return one_clinic.patient()


def test_a_patient_is_taken_on_with_the_infusions_that_are_known_and_a_stable_period(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    one_clinic.import_days(patient, NOW - timedelta(days=40), [(8, 8, 8)] * 40)
    path = f"/care/patients/{patient}/course/taken-on"
    assert path in clinician.get(f"/care/patients/{patient}").text
    known = {"on": day(30), "infusions": f"{day(60)}\n{day(45)}", "count": "12", "precision": "unknown"}
    period = {"from": day(25), "to": day(12), "reason": "Well at work"}
    assert send(clinician, path, **known, **period) == (303, f"/care/patients/{patient}?notice=taken-on")

    page = clinician.get(f"/care/patients/{patient}?notice=taken-on").text
    assert "The patient is taken on. Infusions from now on count as boosters." in page
    (course,) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    assert (course["taken_on_at"], course["earlier"]["count"]) == (day(30), 12)
    given = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    assert [(one["given_at"][:10], one["day_only"]) for one in given] == [(day(45), True), (day(60), True)]
    assert one_clinic.evaluation(patient)["reference"]["kind"] == "clinician_set"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"infusions": "last spring"}, "Please give days such as 2026-08-03"),
        ({"infusions": day(1)}, "lies on or before the day of taking on"),
        ({"count": "many"}, "Please give a whole number from 1 to 1000"),
        ({"count": "3", "last_on": day(70), "precision": "unknown"}, "and how well the last day is known"),
        ({"from": day(25)}, "Please give both days, and why."),
    ],
)
def test_what_cannot_be_taken_is_said_at_its_field_and_nothing_is_kept(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str, wrong: dict[str, str], said: str
) -> None:
    status, page = send(clinician, f"/care/patients/{patient}/course/taken-on", **({"on": day(30)} | wrong))

    assert (status, said in page) == (422, True), page
    for typed in wrong.values():
        assert typed in page
    assert one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"] == []
