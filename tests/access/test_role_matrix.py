"""Every operation of the clinic API x every role x {own clinic, another's, nobody, revoked}: made from the table.

Which answers are expected comes from ``PERMISSIONS_MATRIX`` and from what each route asks for; so a new route, a new
role or a new permission takes part by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import uuid4

import httpx2
import pytest

from app.access.clinics.caller import find_caller
from app.access.clinics.permissions import PERMISSIONS_MATRIX, Permission, StaffRole
from app.access.clinics.staff_sessions import IDLE, LASTS_AT_MOST, end_session, member_of
from app.foundation.audit import OPERATOR
from app.foundation.tokens import TokenKind, read_token
from app.storage import staff_members
from tests.house.test_every_route_says_who_may import who_may
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.problems import about, assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import signed_in
from tests.support.the_api import document, the_api

OPERATIONS = sorted(
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    # Signing out asks for nothing but the session itself.
    if {"StaffSession": []} in operation.get("security", [])
    and (method, path) != ("delete", "/v1/staff-sessions/current")
)


@cache
def asked() -> dict[tuple[str, ...], Permission]:
    """Which permission each operation asks for, as its route says."""
    return {
        tuple(name.split(" ")): Permission(said[0])
        for name, said in who_may(the_api().routes).items()
        if said and said[0] in PERMISSIONS_MATRIX and " /v1/" in name
    }


@dataclass
class Staff:
    """A member of each role, at two clinics."""

    ours: dict[StaffRole, str]
    theirs: dict[StaffRole, str]


@pytest.fixture(scope="module")
def http(shared_service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=shared_service.url, timeout=30, verify=NO_TLS) as client:
        yield client


@pytest.fixture(scope="module")
def ours(one_clinic: ClinicClient) -> str:
    return one_clinic.patient()


@pytest.fixture(scope="module")
def staff(shared_service: Service, one_clinic: ClinicClient) -> Iterator[Staff]:
    shared_service.clock.move_to(NOW)
    other = clinic_client(shared_service, "Other")
    yield Staff(
        ours={role: signed_in(shared_service, one_clinic.clinic_id, role) for role in StaffRole},
        theirs={role: signed_in(shared_service, other.clinic_id, role) for role in StaffRole},
    )
    other.close()


def ask(
    http: httpx2.Client, operation: tuple[str, ...], token: str, patient: str | None = None
) -> httpx2.Response:
    method, path = operation
    while "{" in path:
        name = path[path.index("{") + 1 : path.index("}")]
        value = patient if name == "patient_id" and patient else str(uuid4())
        path = path.replace(f"{{{name}}}", value)
    return http.request(method, path, headers={"authorization": f"Bearer {token}"})


def test_the_walk_has_every_operation_that_asks_for_a_permission() -> None:
    assert set(OPERATIONS) == set(asked())


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_a_role_may_what_the_table_says_and_nothing_else(
    http: httpx2.Client, staff: Staff, operation: tuple[str, str]
) -> None:
    may = PERMISSIONS_MATRIX[asked()[operation]].roles
    for role in StaffRole:
        reply = ask(http, operation, staff.ours[role])

        with about(role):
            if role in may:
                # No body, and ids of nobody: what follows who-may is a refusal of another kind, or an answer.
                assert reply.status_code not in {401, 403, 429}, reply.text
                assert reply.status_code < 500
            else:
                assert_problem(reply, 403, code="role-may-not")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{patient_id}" in one[1]], ids=" ".join)
def test_another_clinics_patient_gets_every_role_the_answer_for_a_patient_who_does_not_exist(
    http: httpx2.Client, ours: str, staff: Staff, operation: tuple[str, str]
) -> None:
    for role in StaffRole:
        answers = [ask(http, operation, staff.theirs[role], patient) for patient in (ours, None)]

        first, second = ({**reply.json(), "request_id": ""} for reply in answers)
        first.pop("instance", None), second.pop("instance", None)
        with about(role):
            assert (answers[0].status_code, first) == (answers[1].status_code, second)
            assert not answers[0].is_success


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_who_is_signed_out_locked_out_idle_or_past_the_day_gets_nowhere(
    http: httpx2.Client, revoked: dict[str, str], operation: tuple[str, str]
) -> None:
    for token in revoked.values():
        assert_problem(ask(http, operation, token), 401, code="token-not-valid")


@pytest.fixture(scope="module")
def revoked(shared_service: Service, one_clinic: ClinicClient) -> dict[str, str]:
    """Sessions of owners that work no more, each for another reason."""
    clock, clinic = shared_service.clock, one_clinic.clinic_id

    clock.move_to(NOW - LASTS_AT_MOST)
    old = signed_in(shared_service, clinic, StaffRole.OWNER)
    while clock.now() < NOW:
        clock.move_to(min(clock.now() + IDLE - timedelta(minutes=1), NOW))
        if clock.now() < NOW:
            shared_service.run(find_caller(shared_service.context, old, TokenKind.STAFF_SESSION))
    clock.move_to(NOW - IDLE)
    idle = signed_in(shared_service, clinic, StaffRole.OWNER)
    clock.move_to(NOW)
    ended, out = (signed_in(shared_service, clinic, StaffRole.OWNER) for _ in range(2))
    shared_service.run(_end(shared_service, ended))
    shared_service.run(_lock_out(shared_service, out))
    return {"past the day": old, "idle": idle, "signed out": ended, "locked out": out}


async def _end(service: Service, token: str) -> None:
    reference = read_token(token, TokenKind.STAFF_SESSION)
    async with service.context.work(reference.clinic_id) as work:
        member = await member_of(work, reference, now=service.clock.now())
        assert member is not None
        await end_session(work, member)


async def _lock_out(service: Service, token: str) -> None:
    caller = await find_caller(service.context, token, TokenKind.STAFF_SESSION)
    async with service.context.work(caller.clinic_id, actor=OPERATOR) as work:
        await staff_members.change(work, caller.id, state="disabled")
        work.audit("staff.disabled", "staff", caller.id)
