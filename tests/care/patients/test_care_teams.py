"""A patient's care team: its members are notified of a safety event first, and nobody is notified less for it."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.storage.catalogue import ask
from tests.support.clinics import SAFETY_CONTACT, name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service
from tests.support.staff import JoinedMember, joined


def write(clinic: ClinicClient, patient: str, *members: dict[str, str], version: int = 0) -> httpx2.Response:
    headers = {"if-match": f'"{version}"'}
    return clinic.http.put(f"/v1/patients/{patient}/care-team", json={"members": members}, headers=headers)


def rows(clinic: ClinicClient, **params: str) -> set[tuple[str, str]]:
    found = clinic.http.get("/v1/worklist", params=params).json()["items"]
    return {(one["kind"], one["patient"]["id"]) for one in found}


def notified(database: DatabaseUrls, clinic: ClinicClient) -> list[dict[str, Any]]:
    """Give whom the clinic wrote to, in the order in which it was queued."""
    return ask(
        database.superuser_url,
        "SELECT action, subject_id::text AS whom FROM care.audit_events"
        " WHERE clinic_id = %(clinic_id)s AND action LIKE '%%.notified_safety%%' ORDER BY id",
        clinic_id=clinic.clinic_id,
    )


@pytest.fixture
def kim(service: Service, clinic: ClinicClient) -> JoinedMember:
    service.clock.move_to(NOW)
    return joined(service, clinic, StaffRole.CLINICIAN)


@pytest.fixture
def lee(service: Service, clinic: ClinicClient) -> JoinedMember:
    return joined(service, clinic, StaffRole.COORDINATOR)


def test_a_care_team_is_replaced_as_a_whole_by_whoever_saw_it(
    clinic: ClinicClient, kim: JoinedMember, lee: JoinedMember
) -> None:
    patient = clinic.patient()
    first = {"member_id": kim.id, "duty": "first"}
    assert clinic.http.get(f"/v1/patients/{patient}/care-team").json() == {"members": [], "version": 0}
    made = write(clinic, patient, first, {"member_id": lee.id, "duty": "on_call"})
    assert (made.status_code, made.json()["version"]) == (200, 1), made.text
    assert_problem(write(clinic, patient, first), 412, pointer="header/if-match")
    assert write(clinic, patient, first, version=1).json()["members"] == [first]


def test_what_a_care_team_cannot_be_is_refused_by_name(
    clinic: ClinicClient, kim: JoinedMember, lee: JoinedMember
) -> None:
    patient = clinic.patient()
    first = {"member_id": kim.id, "duty": "first"}
    twice = write(clinic, patient, first, {"member_id": kim.id, "duty": "member"})
    assert_problem(twice, 422, code="assigned-twice", pointer="#/members/1/member_id")
    taken = write(clinic, patient, first, {"member_id": lee.id, "duty": "first"})
    assert_problem(taken, 422, code="duty-taken", pointer="#/members/1/duty")
    nobody = write(clinic, patient, {"member_id": patient, "duty": "first"})
    assert_problem(nobody, 422, code="member-not-active", pointer="#/members/0/member_id")
    assert clinic.http.get(f"/v1/patients/{patient}/care-team").json()["version"] == 0


def test_the_worklist_shows_a_members_patients_and_every_safety_event(
    service: Service, clinic: ClinicClient, kim: JoinedMember
) -> None:
    def faded() -> str:
        return treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 15 else (3, 3, 3))

    mine, other, unsafe = faded(), faded(), clinic.patient()
    assert write(clinic, mine, {"member_id": kim.id, "duty": "first"}).status_code == 200
    phone = clinic.enrol(unsafe, service.url)
    phone.check_in(NOW - timedelta(minutes=1), (3, 3, 3), self_harm_thoughts=True)
    everybody, own = rows(clinic), rows(clinic, care_team=kim.id)
    assert {("signal", mine), ("signal", other), ("safety", unsafe)} <= everybody
    assert ("signal", mine) in own
    assert ("safety", unsafe) in own
    assert other not in {patient for _, patient in own}


def test_who_is_assigned_is_notified_first_and_the_contacts_and_endpoints_all_the_same(
    service: Service,
    shared_database: DatabaseUrls,
    clinic: ClinicClient,
    receiver: Receiver,
    kim: JoinedMember,
    lee: JoinedMember,
) -> None:
    name_contacts(clinic)
    clinic.add_endpoint(receiver.url)
    patient = clinic.patient()
    on_call, first = {"member_id": lee.id, "duty": "on_call"}, {"member_id": kim.id, "duty": "first"}
    assert write(clinic, patient, on_call, first).status_code == 200
    clinic.enrol(patient, service.url).check_in(NOW, (3, 3, 3), self_harm_thoughts=True)
    assert receiver.wait_for("safety.reported")
    assert [(one["action"].partition(".")[0], one["whom"]) for one in notified(shared_database, clinic)] == [
        ("care_team", kim.id),
        ("care_team", lee.id),
        ("contact", clinic.clinic_id),
    ]
    assert SAFETY_CONTACT["email"]


def test_who_was_deactivated_leaves_it_to_the_clinic(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient, kim: JoinedMember
) -> None:
    name_contacts(clinic)
    patient = clinic.patient()
    assert write(clinic, patient, {"member_id": kim.id, "duty": "first"}).status_code == 200
    member = clinic.http.get(f"/v1/staff/{kim.id}")
    path = f"/v1/staff/{kim.id}/disable"
    gone = clinic.http.post(path, headers={"if-match": member.headers["etag"]})
    assert gone.status_code < 300, gone.text
    clinic.enrol(patient, service.url).check_in(NOW, (3, 3, 3), self_harm_thoughts=True)
    assert [one["action"].partition(".")[0] for one in notified(shared_database, clinic)] == ["contact"]
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert event["state"] == "open"
