"""Searching the audit log: by patient, actor, action and time, newest first, one's own clinic only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.access.clinics.permissions import Scope
from app.web.schemas import write_cursor
from tests.support.clinics import seal_audit_log
from tests.support.people import ClinicClient, clinic_client, key_with
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture(scope="module")
def patients(one_clinic: ClinicClient, shared_service: Service) -> Iterator[list[str]]:
    """Two patients; the first is read three times on three days."""
    shared_service.clock.move_to(NOW - timedelta(days=3))
    made = [one_clinic.patient(), one_clinic.patient()]
    for ago in (2, 1, 0):
        shared_service.clock.move_to(NOW - timedelta(days=ago))
        assert one_clinic.http.get(f"/v1/patients/{made[0]}").is_success
    yield made
    shared_service.clock.move_to(NOW)


def search(clinic: ClinicClient, **params: str | int) -> list[dict[str, Any]]:
    reply = clinic.http.get("/v1/audit-events", params=params)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def test_one_patients_lines_come_newest_first(one_clinic: ClinicClient, patients: list[str]) -> None:
    found = search(one_clinic, patient_id=patients[0], action="patient.read")
    assert [one["at"] for one in found] == [
        (NOW - timedelta(days=ago)).isoformat().replace("+00:00", "Z") for ago in (0, 1, 2)
    ]
    assert {one["patient_id"] for one in found} == {patients[0]}
    assert {one["actor_kind"] for one in found} == {"api_key"}


def test_actor_action_and_time_narrow_it_down(one_clinic: ClinicClient, patients: list[str]) -> None:
    (key,) = {one["actor_id"] for one in search(one_clinic, patient_id=patients[0], action="patient.read")}
    assert len(search(one_clinic, actor_id=key, action="patient.read")) == 3
    assert search(one_clinic, actor_id=patients[0]) == []
    day_ago = (NOW - timedelta(days=1)).isoformat()
    assert len(search(one_clinic, action="patient.read", **{"from": day_ago})) == 2
    assert len(search(one_clinic, action="patient.read", to=day_ago)) == 1
    assert {one["action"] for one in search(one_clinic, action="patient.registered")} == {
        "patient.registered"
    }


@pytest.mark.usefixtures("patients")
def test_the_pages_hold_every_line_once(one_clinic: ClinicClient) -> None:
    until = (NOW - timedelta(hours=1)).isoformat()
    whole = [one["id"] for one in search(one_clinic, to=until, limit=200)]
    assert len(whole) >= 4
    path, paged = f"/v1/audit-events?to={until.replace('+', '%2B')}&limit=2", []
    while path:
        reply = one_clinic.http.get(path)
        paged += [one["id"] for one in reply.json()["items"]]
        path = reply.links["next"]["url"] if "next" in reply.links else ""
    assert paged == whole


def test_a_line_names_the_place_of_its_seal_once_it_has_one(
    service: Service, one_clinic: ClinicClient, patients: list[str]
) -> None:
    seal_audit_log(service, one_clinic.clinic_id)
    seals = [one["seal"] for one in search(one_clinic, patient_id=patients[0])]
    assert None not in seals
    assert len(set(seals)) == len(seals)


def test_another_clinic_finds_nothing_of_it(service: Service, patients: list[str]) -> None:
    other = clinic_client(service, "Other")
    assert search(other, patient_id=patients[0]) == []
    other.close()


def test_a_key_without_the_scope_may_not_search(service: Service, one_clinic: ClinicClient) -> None:
    key = key_with(service, one_clinic.clinic_id, *(set(Scope) - {Scope.AUDIT}))
    reply = one_clinic.http.get("/v1/audit-events", headers={"authorization": f"Bearer {key}"})
    assert_problem(reply, 403, code="scope-missing")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "search-time-refused"),
        ({"from": "2024-11-02T00:00:00Z"}, "search-time-refused"),
        ({"after": write_cursor("nothing")}, "cursor-not-valid"),
        (
            {"after": "MjAyNi0xMS0wMVQwMDowMDowMCAwMTlhNGQyYi0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA"},
            "cursor-not-valid",
        ),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(
    one_clinic: ClinicClient, params: dict[str, str], code: str
) -> None:
    assert_problem(one_clinic.http.get("/v1/audit-events", params=params), 422, code=code)


def test_one_patients_lines_may_be_as_old_as_they_are(one_clinic: ClinicClient, patients: list[str]) -> None:
    assert search(one_clinic, patient_id=patients[0], **{"from": "2020-01-01T00:00:00Z"})
