"""A walk over every operation: without the right token nobody gets in, and every answer is guarded."""

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from tests.support.people import NO_TLS, ClinicClient, PatientClient, entry, item, key_with
from tests.support.problems import CANARY, assert_guarded, assert_problem
from tests.support.service import NOW, Service
from tests.support.the_api import document

OPERATIONS = sorted(
    (method.upper(), path, next(iter(operation["security"][0])) if operation.get("security") else "")
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
)
GUARDED = [one for one in OPERATIONS if one[2]]
CLINICS = [one for one in GUARDED if one[2] == "ClinicKey"]


CHECK_INS = {
    ("PUT", "/v1/check-ins/{check_in_id}"): entry(NOW, (5, 5, 5)),
    ("POST", "/v1/check-ins/batch"): {"items": [item(NOW, (5, 5, 5))]},
}


@pytest.fixture(scope="module")
def http(shared_service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=shared_service.url, timeout=30, verify=NO_TLS) as client:
        yield client


@pytest.fixture(scope="module")
def keys(shared_service: Service, one_clinic: ClinicClient) -> dict[str, str]:
    """A key for each scope, and one without any."""
    made = {str(scope): key_with(shared_service, one_clinic.clinic_id, scope) for scope in Scope}
    return made | {"": key_with(shared_service, one_clinic.clinic_id)}


def ask(http: httpx2.Client, operation: tuple[str, str, str], token: str | bytes | None) -> httpx2.Response:
    method, path, _ = operation
    while "{" in path:
        path = path[: path.index("{")] + str(uuid4()) + path[path.index("}") + 1 :]
    headers: list[tuple[bytes, bytes]] = []
    if token is not None:
        headers.append((b"authorization", token.encode() if isinstance(token, str) else token))
    # Nearly everywhere, who may is asked before what is sent is looked at: no body. A check-in's sender is
    # found in the same read as where the patient stands, so there only a valid body gets that far.
    body = CHECK_INS.get((method, operation[1]))
    return http.request(method, path, headers=headers, json=body)


def test_only_these_are_open_to_everybody() -> None:
    assert {(method, path) for method, path, scheme in OPERATIONS if not scheme} == {
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/health/safety"),
        ("GET", "/v1/crisis-help"),
        ("GET", "/v1/push-key"),
        ("POST", "/v1/unsubscribe/{token}"),
        ("POST", "/v1/enrolments"),
        ("POST", "/v1/tokens/refresh"),
        ("POST", "/v1/staff-sessions"),
        # Its sender signs each.
        ("POST", "/v1/text-messages/{clinic_id}"),
    }


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: f"{one[0]} {one[1]}")
def test_without_a_good_token_nobody_gets_in(
    http: httpx2.Client, one_clinic: ClinicClient, phone: PatientClient, operation: tuple[str, str, str]
) -> None:
    kind, clinic, secret = one_clinic.key.split("_", 2)
    other_kind = one_clinic.key if operation[2] == "DeviceToken" else phone.access_token
    for token in (
        None,
        "",
        "Bearer",
        f"Bearer {CANARY}",
        f"Basic {one_clinic.key}",
        f"Bearer {other_kind}",
        f"Bearer {phone.refresh_token}",
        f"Bearer {one_clinic.key[:-1]}",
        f"Bearer {one_clinic.key}x",
        f"Bearer {phone.access_token[:-1]}",
        f"Bearer {kind}_{uuid4().hex}_{secret}",
        f"Bearer {kind}_{clinic}_",
        f"Bearer agd_{clinic}_{CANARY}",
        f"Bearer agd_{'x' * 32}_{secret}",
        b"Bearer \xb2\xb3\xe9",
        "Bearer " + "a" * 5000,
    ):
        reply = ask(http, operation, token)

        assert_problem(reply, 401, code="token-not-valid")
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", CLINICS, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_key_without_the_scope_is_refused(
    http: httpx2.Client, keys: dict[str, str], operation: tuple[str, str, str]
) -> None:
    answers = {scope: ask(http, operation, f"Bearer {key}") for scope, key in keys.items()}
    refused = {scope for scope, reply in answers.items() if reply.status_code == 403}

    assert_problem(answers[""], 403, code="scope-missing")
    assert len(refused) == len(Scope), "each operation asks for exactly one scope"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one[0]} {one[1]}")
def test_every_answer_is_guarded(
    http: httpx2.Client, one_clinic: ClinicClient, phone: PatientClient, operation: tuple[str, str, str]
) -> None:
    token = one_clinic.key if operation[2] == "ClinicKey" else phone.access_token
    reply = ask(http, operation, f"Bearer {token}")

    assert_guarded(reply)
    assert reply.status_code < 500
    assert "server" not in reply.headers
