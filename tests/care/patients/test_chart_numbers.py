"""A clinic's own number of a patient: one patient, however the number is written."""

from uuid import UUID

import pytest
from sqlalchemy import update

from app.care.patients.commands import compute_keys
from app.storage.patients import PatientRow
from tests.support.people import ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import Service


def body(number: str, zone: str = "Europe/Berlin") -> dict[str, str]:
    return {"external_ref": number, "time_zone": zone}


def test_composed_decomposed_and_with_a_blank_is_one_patient(one_clinic: ClinicClient) -> None:
    first = one_clinic.http.post("/v1/patients", json=body("Mu\u00f1oz-1"))
    assert first.status_code == 201
    for again in (
        "Mun\u0303oz-1",
        "Mu\u00f1oz-1 ",
        "mu\u00d1oz-1",
        "Mu\u00f1oz\u20111",
        "Mu\u00f1\u200boz-1",
    ):
        reply = one_clinic.http.post("/v1/patients", json=body(again))
        assert_problem(reply, 409, code="patient-exists", pointer="#/external_ref")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("\u200b \u00a0", "nothing-written"),
        ("P\u0420-1", "look-alike-letters"),
        ("P\u202e1", "invisible-character"),
    ],
)
def test_a_number_that_cannot_be_read_is_refused_by_name(
    one_clinic: ClinicClient, number: str, code: str
) -> None:
    problem = assert_problem(one_clinic.http.post("/v1/patients", json=body(number)), 422)
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("#/external_ref", code)]


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posix/Europe/Berlin"])
def test_a_zone_that_is_no_place_is_refused_by_name(one_clinic: ClinicClient, zone: str) -> None:
    problem = assert_problem(one_clinic.http.post("/v1/patients", json=body("Z-1", zone)), 422)
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        ("#/time_zone", "pseudo-time-zone")
    ]


def test_a_former_zone_is_kept_with_its_name_of_today(one_clinic: ClinicClient) -> None:
    made = one_clinic.http.post("/v1/patients", json=body("Z-2", " US/Pacific ")).json()
    assert (made["time_zone"], made["time_zone_canonical"]) == ("US/Pacific", "America/Los_Angeles")


def test_a_patient_of_before_is_found_by_the_number_as_people_read_it(
    one_clinic: ClinicClient, service: Service
) -> None:
    old = one_clinic.http.post("/v1/patients", json=body("Old-7")).json()
    clinic = UUID(one_clinic.clinic_id)

    async def forget_keys() -> None:
        async with service.context.work(clinic) as work:
            await work.execute(update(PatientRow).values(external_ref_key=None))
            work.audit("patient.changed", "patient", UUID(old["id"]))

    async def compute() -> int:
        async with service.context.work(clinic) as work:
            return await compute_keys(work)

    service.run(forget_keys())
    assert_problem(one_clinic.http.post("/v1/patients", json=body("OLD-7")), 409, code="patient-exists")
    service.run(forget_keys())
    assert service.run(compute()) >= 1
    assert service.run(compute()) == 0
