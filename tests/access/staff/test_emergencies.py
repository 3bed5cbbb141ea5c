"""Opening a patient in an emergency: what the table says opens, for that patient and an hour; owners are notified."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import Request

from app.access.clinics.caller import RoleMayNotError, allowed, find_caller
from app.access.clinics.permissions import PERMISSIONS_MATRIX, Permission, StaffRole
from app.foundation.tokens import TokenKind
from app.pages.staff.page_route import failure_page
from app.pages.staff.visitor import StaffVisitor
from tests.access.test_role_matrix import OPERATIONS, ask, asked
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.lively import asks_to_be_erased
from tests.support.mail_server import running_mail_server
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service, running_service
from tests.support.staff import joined, signed_in, staff_client

REASON = "Called the ward in distress; nobody who may was there."
LASTS = timedelta(minutes=60)
ROLES = sorted(PERMISSIONS_MATRIX[Permission.EMERGENCY].roles)
ABOUT_A_PATIENT = [one for one in OPERATIONS if "{patient_id}" in one[1]]


@pytest.fixture
def http(service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS) as client:
        yield client


def opens(http: httpx2.Client, token: str, patient: str, reason: str = REASON) -> dict[str, Any]:
    reply = http.post(
        f"/v1/patients/{patient}/emergency-access",
        json={"reason": reason},
        headers={"authorization": f"Bearer {token}"},
    )
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def stays_signed_in(service: Service, http: httpx2.Client, token: str, until: timedelta) -> None:
    """Let the time pass while the member goes on working."""
    ends = service.clock.now() + until
    while service.clock.now() < ends:
        service.clock.move_to(min(service.clock.now() + timedelta(minutes=20), ends))
        reply = http.get("/v1/clinic", headers={"authorization": f"Bearer {token}"})
        assert reply.status_code == 200


@dataclass
class Hour:
    """What every operation about a patient answered whom, within the hour of an emergency and after it."""

    ends_at: str
    at_once: dict[tuple[str, ...], int]
    of_another: dict[tuple[str, ...], int]
    to_a_colleague: dict[tuple[str, ...], int]
    in_the_last_second: dict[tuple[str, ...], int]
    afterwards: dict[tuple[str, ...], int]


@pytest.fixture(scope="module")
def hour_of(shared_service: Service) -> Callable[[StaffRole], Hour]:
    """Lets a member with a role open a patient in an emergency, once for all operations."""

    @cache
    def hour(role: StaffRole) -> Hour:
        shared_service.clock.move_to(NOW)
        clinic = clinic_client(shared_service)
        patient, another = clinic.patient(), clinic.patient()
        token, colleague = (signed_in(shared_service, clinic.clinic_id, role) for _ in range(2))
        with httpx2.Client(base_url=shared_service.url, timeout=30, verify=NO_TLS) as http:

            def answers(who: str, whom: str) -> dict[tuple[str, ...], int]:
                return {one: ask(http, one, who, whom).status_code for one in ABOUT_A_PATIENT}

            ends_at = opens(http, token, patient)["ends_at"]
            at_once, of_another = answers(token, patient), answers(token, another)
            to_a_colleague = answers(colleague, patient)
            stays_signed_in(shared_service, http, token, LASTS - timedelta(seconds=1))
            in_the_last_second = answers(token, patient)
            stays_signed_in(shared_service, http, token, timedelta(seconds=1))
            afterwards = answers(token, patient)
        return Hour(ends_at, at_once, of_another, to_a_colleague, in_the_last_second, afterwards)

    return hour


@pytest.mark.parametrize("operation", ABOUT_A_PATIENT, ids=" ".join)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.slow
def test_exactly_what_the_table_says_opens_for_that_patient_and_that_hour(
    hour_of: Callable[[StaffRole], Hour], role: StaffRole, operation: tuple[str, str]
) -> None:
    hour, permission = hour_of(role), asked()[operation]
    always = role in PERMISSIONS_MATRIX[permission].roles
    assert hour.ends_at == "2026-11-03T19:00:00Z"

    def may(answers: dict[tuple[str, ...], int]) -> bool:
        assert answers[operation] not in {401, 500}
        return answers[operation] != 403

    assert may(hour.at_once) == (always or PERMISSIONS_MATRIX[permission].in_emergency)
    assert may(hour.of_another) == always
    assert may(hour.to_a_colleague) == always
    assert may(hour.in_the_last_second) == (always or PERMISSIONS_MATRIX[permission].in_emergency)
    assert may(hour.afterwards) == always


def test_the_walk_is_not_about_nothing() -> None:
    permissions = {asked()[one] for one in ABOUT_A_PATIENT}
    assert {one for one in permissions if PERMISSIONS_MATRIX[one].in_emergency}
    assert {one for one in permissions if not PERMISSIONS_MATRIX[one].in_emergency}


def test_signals_and_safety_events_of_the_patient_are_open_too(
    service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)
    close = f"/v1/safety-events/{event['id']}/close"
    assert_problem(nurse.post(close, json={"outcome": "contact_made"}), 403, code="role-may-not")

    opened = nurse.post(f"/v1/patients/{phone.patient_id}/emergency-access", json={"reason": REASON}).json()

    assert nurse.post(close, json={"outcome": "contact_made"}).status_code == 200
    (line,) = clinic.http.get("/v1/audit-events", params={"action": "safety.closed"}).json()["items"]
    assert line["emergency_id"] == opened["id"]


def test_only_lines_that_were_possible_by_it_alone_name_the_emergency(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    nurse = staff_client(service, clinic.clinic_id, StaffRole.READ_ONLY)
    version = {"if-match": clinic.http.get(f"/v1/patients/{patient}").headers["etag"]}

    def change() -> int:
        return nurse.patch(f"/v1/patients/{patient}", json={"locale": "es"}, headers=version).status_code

    assert change() == 403

    opened = nurse.post(f"/v1/patients/{patient}/emergency-access", json={"reason": REASON}).json()
    assert nurse.get(f"/v1/patients/{patient}").status_code == 200
    assert change() == 200

    lines = clinic.http.get("/v1/audit-events", params={"patient_id": patient}).json()["items"]
    named = {line["action"]: line["emergency_id"] for line in lines if line["actor_kind"] == "staff"}
    assert named == {"emergency.opened": None, "patient.read": None, "patient.changed": opened["id"]}


@pytest.mark.parametrize(
    "body",
    [{}, {"reason": ""}, {"reason": "short"}, {"reason": " " * 30}, {"reason": "x" * 2001}, {"reason": "a\x00" * 9},
     {"reason": None}, {"reason": REASON, "hours": 9}],
)  # fmt: skip
def test_a_bad_reason_opens_nothing(
    service: Service, clinic: ClinicClient, http: httpx2.Client, body: dict[str, Any]
) -> None:
    patient, token = clinic.patient(), signed_in(service, clinic.clinic_id, StaffRole.COORDINATOR)
    headers = {"authorization": f"Bearer {token}"}

    assert_problem(http.post(f"/v1/patients/{patient}/emergency-access", json=body, headers=headers), 422)
    assert clinic.http.get("/v1/emergency-accesses").json() == {"items": []}


def test_a_key_opens_nobody_in_an_emergency(clinic: ClinicClient) -> None:
    reply = clinic.http.post(f"/v1/patients/{clinic.patient()}/emergency-access", json={"reason": REASON})
    assert_problem(reply, 403, code="scope-missing")


@pytest.mark.parametrize("role", [StaffRole.OWNER, StaffRole.CLINICIAN])
def test_who_may_anyway_opens_nobody(service: Service, clinic: ClinicClient, role: StaffRole) -> None:
    who = staff_client(service, clinic.clinic_id, role)
    reply = who.post(f"/v1/patients/{clinic.patient()}/emergency-access", json={"reason": REASON})
    assert_problem(reply, 403, code="role-may-not")


def test_nobody_and_another_clinics_patient_are_not_opened(service: Service, clinic: ClinicClient) -> None:
    nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)
    for patient in (str(uuid4()), clinic_client(service, "Theirs").patient()):
        reply = nurse.post(f"/v1/patients/{patient}/emergency-access", json={"reason": REASON})
        assert_problem(reply, 404, code="not-found")


def test_the_list_is_the_owners_newest_first_and_in_pages(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)
    for number in range(3):
        service.clock.move_to(NOW + timedelta(minutes=number))
        reply = nurse.post(
            f"/v1/patients/{patient}/emergency-access", json={"reason": f"Reason number {number}"}
        )
        assert reply.status_code == 201
    assert_problem(nurse.get("/v1/emergency-accesses"), 403, code="role-may-not")

    owner = staff_client(service, clinic.clinic_id, StaffRole.OWNER)
    first = owner.get("/v1/emergency-accesses?limit=2")
    following = first.headers["link"].partition(">")[0].removeprefix("<")

    assert [one["reason"] for one in first.json()["items"]] == ["Reason number 2", "Reason number 1"]
    assert [one["reason"] for one in owner.get(following).json()["items"]] == ["Reason number 0"]
    assert first.json()["items"][0]["staff_name"] == "Kim Example"


def test_the_reason_is_sealed_and_goes_with_the_patient(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)
    nurse.post(f"/v1/patients/{patient}/emergency-access", json={"reason": REASON})
    with psycopg.connect(shared_database.superuser_url) as connection:
        kept = str(connection.execute("SELECT t::text FROM care.emergency_accesses t").fetchall())
    assert REASON not in kept
    assert REASON.encode().hex() not in kept

    asked = asks_to_be_erased(clinic, patient)
    approval = f"/v1/erasure-requests/{asked['id']}/approve"
    assert clinic.http.post(approval, headers={"if-match": '"1"'}).is_success

    assert clinic.http.get("/v1/emergency-accesses").json() == {"items": []}
    reply = nurse.post(f"/v1/patients/{patient}/emergency-access", json={"reason": REASON})
    assert_problem(reply, 410, code="patient-erased")


def test_every_owner_who_can_sign_in_is_written_to_and_nothing_clinical_is_said(cluster: Cluster) -> None:
    with (
        running_mail_server() as mail,
        cluster.database() as own_database,
        running_service(own_database.application_url, mail=mail.relay()) as service,
    ):
        clinic = clinic_client(service)
        owners = [joined(service, clinic, StaffRole.OWNER) for _ in range(2)]
        invitations = mail.wait_for(2)[:2]
        patient = clinic.patient(reference="P-Very-Private")
        nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)

        nurse.post(f"/v1/patients/{patient}/emergency-access", json={"reason": REASON})

        letters = mail.wait_for(4)[2:]
        clinic.close()
    assert {letter.to for letter in letters} == {one.email for one in owners}
    for letter in letters:
        assert letter.body.rstrip().endswith("https://afterglow.test/care/staff")
        for private in (patient, "P-Very-Private", REASON, "Kim"):
            assert private not in letter.body
            assert private not in letter.message["Subject"]
    assert all("/care/join/agi_" in letter.body for letter in invitations)
    assert {letter.to for letter in invitations} == {one.email for one in owners}


def test_the_refused_page_leads_to_the_emergency_where_one_would_help(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()

    def refused_page(role: StaffRole, permission: Permission) -> str:
        token = signed_in(service, clinic.clinic_id, role)
        caller = service.run(find_caller(service.context, token, TokenKind.STAFF_SESSION))
        with pytest.raises(RoleMayNotError) as refusal:
            service.run(allowed(service.context, caller, permission, {"patient_id": patient}))
        scope = {"type": "http", "method": "POST", "path": "/care/x", "headers": [], "query_string": b""}
        page = failure_page(Request(scope), service.context, refusal.value)
        assert page.status_code == 403
        return bytes(page.body).decode()

    there = f'href="/care/patients/{patient}/emergency"'
    assert there in refused_page(StaffRole.COORDINATOR, Permission.SIGNALS_CLOSE)
    assert there in refused_page(StaffRole.READ_ONLY, Permission.PATIENTS_EDIT)
    assert there not in refused_page(StaffRole.COORDINATOR, Permission.RIGHTS)
    assert there not in refused_page(StaffRole.CLINICIAN, Permission.RIGHTS)


def test_a_page_about_an_opened_patient_offers_what_is_open(service: Service, clinic: ClinicClient) -> None:
    token = signed_in(service, clinic.clinic_id, StaffRole.COORDINATOR)
    caller = service.run(find_caller(service.context, token, TokenKind.STAFF_SESSION))
    plain = StaffVisitor(
        request=Request({"type": "http"}),
        context=service.context,
        caller=caller,
        session="",
        anchor="",
        new_anchor=False,
        token="",
        language="en",
        switched_to="",
    )

    for permission, who in PERMISSIONS_MATRIX.items():
        always = StaffRole.COORDINATOR in who.roles
        assert plain.may(permission) == always
        assert replace(plain, emergency=uuid4()).may(permission) == (always or who.in_emergency)
        assert not replace(plain, caller=None, emergency=uuid4()).may(permission)
