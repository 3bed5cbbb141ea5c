"""A quarter at an EHR that repeats, reorders, corrects and forgets: in the end it and the product agree."""

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import httpx2
import pytest

from app.foundation.audit import SYSTEM
from app.interop.ehr.reading import read_ehr
from tests.interop.test_connections import HERE, come, connect, link, owner_of, send
from tests.support.browser import PlainBrowser
from tests.support.fake_ehr import FakeEhr, running_fake_ehr
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service

CODE = {"system": "https://ehr.example/codes", "code": "ketamine"}
PATIENTS = 30


@pytest.fixture
def ehr(service: Service, clinic: ClinicClient) -> Iterator[FakeEhr]:
    """An EHR that is connected, and knows our key."""
    with running_fake_ehr(service.clock) as running:
        owner = owner_of(service, clinic)
        connect(owner, running, kind="ehr", procedure_code=f"{CODE['system']}|{CODE['code']}")
        (keys_at,) = re.findall(
            r"https://afterglow\.test(/fhir/\.well-known/jwks/[0-9a-f/-]+)", owner.get(HERE).text
        )
        running.program_keys = httpx2.get(service.url + keys_at).json()
        yield running


@pytest.fixture
def owner(service: Service, clinic: ClinicClient) -> PlainBrowser:
    return owner_of(service, clinic)


def read(service: Service, owner: PlainBrowser) -> str:
    """Read the EHR as the worker does; gives what the page says then."""
    (system_id,) = re.findall(rf'action="{HERE}/systems/([0-9a-f-]+)/read"', owner.get(HERE).text)
    (clinic_id,) = set(re.findall(r"jwks/([0-9a-f-]+)/", owner.get(HERE).text))
    service.run(read_ehr(service.context, UUID(clinic_id), UUID(system_id), actor=SYSTEM), within=240)
    (said,) = re.findall(r"Read: [^<]*", owner.get(HERE).text)
    return str(said)


def person(ehr: FakeEhr, number: int) -> None:
    ehr.write("Patient", f"p{number}", identifier=[{"system": "urn:mrn", "value": f"MRN-{number}"}])


def session(ehr: FakeEhr, record_id: str, number: int, at: datetime, status: str = "completed") -> None:
    ehr.write(
        "Procedure",
        record_id,
        status=status,
        code={"coding": [CODE]},
        subject={"reference": f"Patient/p{number}"},
        performedDateTime=at.isoformat(),
    )


def dose(ehr: FakeEhr, record_id: str, milligrams: float) -> None:
    ehr.write(
        "MedicationAdministration",
        f"m-{record_id}",
        status="completed",
        partOf=[{"reference": f"Procedure/{record_id}"}],
        dosage={"dose": {"value": milligrams, "code": "mg"}, "route": {"coding": [{"code": "IV"}]}},
    )


def appointment(ehr: FakeEhr, record_id: str, number: int, at: datetime, status: str = "booked") -> None:
    ehr.write(
        "Appointment",
        record_id,
        status=status,
        start=at.isoformat(),
        participant=[{"actor": {"reference": f"Patient/p{number}"}}],
    )


def in_the_ehr(ehr: FakeEhr) -> dict[str, set[tuple[datetime, float | None]]]:
    """What counts there: times and doses by chart number."""
    doses = {
        one["partOf"][0]["reference"]: one["dosage"]["dose"]["value"]
        for one in ehr.records.get("MedicationAdministration", {}).values()
    }
    found: dict[str, set[tuple[datetime, float | None]]] = {}
    for one in ehr.records["Procedure"].values():
        if one["status"] == "completed":
            number = one["subject"]["reference"].removeprefix("Patient/p")
            at = datetime.fromisoformat(one["performedDateTime"])
            found.setdefault(f"MRN-{number}", set()).add((at, doses.get(f"Procedure/{one['id']}")))
    return found


def in_the_product(clinic: ClinicClient) -> dict[str, set[tuple[datetime, float | None]]]:
    """The same here."""
    found = {}
    patients = clinic.http.get("/v1/patients", params={"limit": 200}).json()["items"]
    for one in patients:
        given = clinic.http.get(f"/v1/patients/{one['id']}/infusions", params={"limit": 200}).json()["items"]
        if given:
            found[one["external_ref"]] = {
                (datetime.fromisoformat(infusion["given_at"]), infusion["dose_mg"]) for infusion in given
            }
    return found


@pytest.mark.slow
def test_a_quarter_of_thirty_patients_ends_the_same_on_both_sides(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    dice = Random(30)  # noqa: S311 - always the same quarter
    known = clinic.patient("MRN-0")
    begun = NOW - timedelta(days=90)
    for number in range(PATIENTS):
        person(ehr, number)
        for place in range(2):
            at = begun + timedelta(days=number % 20 + 3 * place, minutes=number)
            session(ehr, f"s{number}-{place}", number, at)
            if dice.random() < 0.7:
                dose(ehr, f"s{number}-{place}", dice.choice((35, 40, 45)))
    assert "60 entered" in read(service, owner)
    assert in_the_product(clinic) == in_the_ehr(ehr)
    assert len(in_the_product(clinic)) == PATIENTS
    # By the chart number that both have, nobody is registered twice.
    assert clinic.http.get(f"/v1/patients/{known}/infusions").json()["items"]

    service.clock.move_to(NOW + timedelta(minutes=20))
    ehr.shuffled = True
    for number in range(PATIENTS):
        at = begun + timedelta(days=number % 20 + 3, minutes=number)
        match number % 6:
            case 0:
                session(ehr, f"s{number}-1", number, at, status="entered-in-error")
            case 1:
                session(ehr, f"s{number}-1", number, at + timedelta(days=1))
            case 2:
                dose(ehr, f"s{number}-1", 50)
            case 3:
                # It was another patient's.
                session(ehr, f"s{number}-1", (number + 1) % PATIENTS, at + timedelta(hours=20))
            case _:
                pass
    said = read(service, owner)
    assert "voided" in said
    assert "Left alone" not in said
    assert in_the_product(clinic) == in_the_ehr(ehr)

    service.clock.move_to(NOW + timedelta(minutes=25))
    session(ehr, "s0-1", 0, begun + timedelta(days=3))
    assert "amended" in read(service, owner) or in_the_product(clinic) == in_the_ehr(ehr)
    assert in_the_product(clinic) == in_the_ehr(ehr)
    # What is gone there without a word stays here; the same again changes nothing.
    before = in_the_product(clinic)
    ehr.records["Procedure"].pop("s5-0")
    said = read(service, owner)
    assert not re.search(r"entered|amended|voided", said)
    assert in_the_product(clinic) == before


def test_what_comes_late_does_not_undo_what_came_since(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    person(ehr, 1)
    session(ehr, "s1", 1, NOW - timedelta(days=10))
    earlier = ehr.records["Procedure"]["s1"]
    service.clock.move_to(NOW + timedelta(minutes=1))
    session(ehr, "s1", 1, NOW - timedelta(days=9))
    read(service, owner)
    ehr.records["Procedure"]["s1"] = earlier
    assert "1 unchanged" in read(service, owner)
    assert in_the_product(clinic) == {"MRN-1": {(NOW - timedelta(days=9), None)}}


def test_appointments_are_planned_moved_and_called_off(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    person(ehr, 1)
    at = NOW.replace(minute=0) + timedelta(days=5)
    appointment(ehr, "a1", 1, at)
    assert "1 planned" in read(service, owner)
    (patient,) = clinic.http.get("/v1/patients").json()["items"]
    planned = f"/v1/patients/{patient['id']}/appointments"
    (one,) = clinic.http.get(planned).json()["items"]
    service.clock.move_to(NOW + timedelta(minutes=1))
    appointment(ehr, "a1", 1, at + timedelta(days=1))
    assert "1 moved" in read(service, owner)
    (moved,) = clinic.http.get(planned).json()["items"]
    assert (moved["id"], moved["on"]) == (one["id"], (at + timedelta(days=1)).date().isoformat())
    service.clock.move_to(NOW + timedelta(minutes=2))
    appointment(ehr, "a1", 1, at, status="cancelled")
    assert "1 canceled" in read(service, owner)
    assert clinic.http.get(planned).json()["items"] == []


def test_a_launch_opens_the_patient_whom_this_clinic_has_of_this_ehr(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    person(ehr, 1)
    session(ehr, "s1", 1, NOW - timedelta(days=10))
    read(service, owner)
    (patient,) = clinic.http.get("/v1/patients").json()["items"]
    start = f"/care/launch/{{}}?iss={ehr.url}&launch=abc"
    come(service, clinic, start=start)
    link(owner)
    ehr.token = {"patient": "p1"}
    _, arrived = come(service, clinic, start=start)
    assert arrived.headers["location"] == f"/care/patients/{patient['id']}"
    ehr.token = {"patient": "another"}
    _, refused = come(service, clinic, start=start)
    assert (refused.status_code, "is not linked to one here" in refused.text) == (404, True)


def test_a_launch_at_another_clinic_of_the_same_ehr_opens_no_patient_of_this_one(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    person(ehr, 1)
    session(ehr, "s1", 1, NOW - timedelta(days=10))
    read(service, owner)
    (patient,) = clinic.http.get("/v1/patients").json()["items"]
    other = clinic_client(service, "Second")
    second = owner_of(service, other)
    connect(second, ehr, kind="ehr", procedure_code=f"{CODE['system']}|{CODE['code']}")
    start = f"/care/launch/{{}}?iss={ehr.url}&launch=abc"
    # One person works at both, and the chart that is open in the EHR is the first clinic's.
    ehr.token = {"patient": "p1"}
    for here, by in ((clinic, owner), (other, second)):
        come(service, here, start=start)
        link(by)
    assert come(service, clinic, start=start)[1].headers["location"] == f"/care/patients/{patient['id']}"
    _, refused = come(service, other, start=start)
    assert (refused.status_code, "is not linked to one here" in refused.text) == (404, True)
    assert patient["id"] not in refused.text
    assert second.get(f"/care/patients/{patient['id']}").status_code == 404
    # Nor once the chart number is known there too: the EHR's record is linked by what was read, never by a number.
    other.patient("MRN-1")
    assert come(service, other, start=start)[1].status_code == 404


def test_what_cannot_be_kept_is_left_alone_and_said(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    person(ehr, 1)
    session(ehr, "s1", 1, NOW - timedelta(days=10))
    session(ehr, "s2", 1, NOW + timedelta(days=10))
    ehr.write(
        "Procedure", "s3", status="completed", subject={"reference": "Patient/p1"}, performedDateTime="later"
    )
    ehr.write(
        "Procedure",
        "s4",
        status="completed",
        subject={"reference": "Group/g1"},
        performedDateTime="2026-01-01",
    )
    said = read(service, owner)
    assert "1 entered" in said
    assert "1 infusion in future" in said
    assert "1 resource not readable" in said
    assert len(in_the_product(clinic)["MRN-1"]) == 1
    ehr.away = True
    assert "1 system away" in read(service, owner)
    ehr.away = False
    (path,) = re.findall(rf'action="({HERE}/systems/[0-9a-f-]+/read)"', owner.get(HERE).text)
    assert send(owner, path).headers["location"] == f"{HERE}?done=reading"
    until = time.monotonic() + 20
    while "system away" in owner.get(HERE).text and time.monotonic() < until:
        time.sleep(0.2)
    assert "1 infusion in future" in owner.get(HERE).text
