"""A patient's e-mail: given by the clinic or the patient, sealed, removed with null, never guessed at."""

from uuid import UUID

import pytest

from app.storage import patients
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import Service


def register(clinic: ClinicClient, email: object) -> dict[str, object]:
    body = {"external_ref": f"P-{email}", "time_zone": "Europe/Berlin", "email": email}
    reply = clinic.http.post("/v1/patients", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def test_the_clinic_gives_an_address_when_it_registers_a_patient(one_clinic: ClinicClient) -> None:
    made = register(one_clinic, " jo@example.org ")
    assert made["email"] == "jo@example.org"
    assert one_clinic.http.get(f"/v1/patients/{made['id']}").json()["email"] == "jo@example.org"


def test_the_patient_sees_and_changes_and_removes_the_address(phone: PatientClient) -> None:
    assert phone.http.get("/v1/me").json()["email"] is None
    assert phone.http.patch("/v1/me", json={"email": "me@example.org"}).json()["email"] == "me@example.org"
    assert phone.http.patch("/v1/me", json={"locale": "es"}).json()["email"] == "me@example.org"
    assert phone.http.get("/v1/me").json()["email"] == "me@example.org"
    assert phone.http.patch("/v1/me", json={"email": None}).json()["email"] is None
    assert phone.http.get("/v1/me").json()["email"] is None


def test_an_address_is_sealed(one_clinic: ClinicClient, service: Service) -> None:
    made = register(one_clinic, f"{CANARY}@example.org")

    async def stored() -> bytes | None:
        async with service.context.work(UUID(one_clinic.clinic_id)) as work:
            record = await patients.find(work, UUID(str(made["id"])))
        assert record
        return record.email_sealed

    sealed = service.run(stored())
    assert sealed
    assert CANARY.encode() not in sealed


@pytest.mark.parametrize(
    "email",
    [
        "", "x", "@", "a@b", "a b@example.org", "a@example.org, b@example.org", "a@exa\r\nBcc: b@example.org",
        "Jo <jo@example.org>", "a@@example.org", f"{CANARY}@", "a" * 65 + "@example.org",
        "a@" + "b" * 250 + ".org", "a@example.org\x00", 7,
    ],
)  # fmt: skip
def test_what_is_not_one_address_is_refused(phone: PatientClient, email: object) -> None:
    assert_problem(phone.http.patch("/v1/me", json={"email": email}), 422, pointer="#/email")


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("josé@example.org", "email-not-mailable"),
        ("name..dots@example.org", "email-dots"),
        (".name@example.org", "email-dots"),
    ],
)
def test_an_address_that_could_not_be_mailed_is_refused_with_the_reason(
    phone: PatientClient, email: str, code: str
) -> None:
    problem = assert_problem(phone.http.patch("/v1/me", json={"email": email}), 422, pointer="#/email")
    assert [one["code"] for one in problem["errors"]] == [code]


def test_a_domain_with_umlauts_is_kept_as_it_is_read(phone: PatientClient) -> None:
    reply = phone.http.patch("/v1/me", json={"email": "name@mu\u0308nchen.example"})
    assert reply.json()["email"] == "name@m\u00fcnchen.example"
