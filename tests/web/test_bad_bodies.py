"""Bodies that are no decent JSON, at every operation that takes one: a problem document, never a 500."""

import json
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from app.web.schemas import write_cursor
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import CANARY, about, assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import staff_client
from tests.support.the_api import document

OPERATIONS = sorted(
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation
)
# The innermost value stands where a depth-first reader gets last.
DEEP = 100_000
JSON = {"content-type": "application/json"}
BIG = json.dumps({"note": "x" * 6_000_000}).encode()

BROKEN: list[tuple[str, bytes]] = [
    ("nothing at all", b""),
    ("cut in the middle", b'{"mood": 5, "note": "' + CANARY.encode()),
    ("no JSON", CANARY.encode()),
    ("trailing text", b'{"mood": 5} ' + CANARY.encode()),
    ("a text", b'"' + CANARY.encode() + b'"'),
    ("a number", b"5"),
    ("a list", b'[{"mood": 5}]'),
    ("null", b"null"),
    ("not a number", b'{"mood": NaN, "sleep_hours": NaN, "dose_mg_per_kg": NaN, "planned_infusions": NaN}'),
    ("infinity", b'{"mood": Infinity, "sleep_hours": -Infinity, "dose_mg_per_kg": Infinity}'),
    ("a huge whole number", b'{"mood": ' + b"9" * 5000 + b"}"),
    ("a huge exponent", b'{"mood": 1e999, "sleep_hours": 1e999, "dose_mg_per_kg": 1e999}'),
    ("deeply nested lists", b'{"mood": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    ("deeply nested objects", b'{"mood":' * DEEP + b"5" + b"}" * DEEP),
    ("deeply nested and cut", b'{"mood": ' + b"[" * DEEP),
    ("a lone surrogate as a value", b'{"note": "\\ud800", "name": "\\udc00", "code": "\\ud800"}'),
    ("a lone surrogate as a name", b'{"\\ud800\\udbff": 5}'),
    ("a NUL as a name", b'{"\\u0000": 5}'),
    ("bytes that are no UTF-8", b'{"note": "\xff\xfe\x80"}'),
    ("a byte order mark", b"\xef\xbb\xbf" + b'{"mood": 5}'),
    ("a name twice", b'{"mood": 5, "mood": 6, "mood": "x"}'),
    ("ten thousand unknown names", json.dumps({f"f{number}": number for number in range(10_000)}).encode()),
]
OTHER_MEDIA_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "x",
    "",
)

# No key may do this: it is for people who are signed in.
STAFF_ONLY = sorted(
    (method.upper(), path)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if operation.get("security") == [{"StaffSession": []}]
)


@pytest.fixture(scope="module")
def nurse(shared_service: Service, one_clinic: ClinicClient) -> httpx2.Client:
    shared_service.clock.move_to(NOW)
    return staff_client(shared_service, one_clinic.clinic_id, StaffRole.COORDINATOR)


@pytest.fixture(scope="module")
def owner(shared_service: Service, one_clinic: ClinicClient) -> httpx2.Client:
    return staff_client(shared_service, one_clinic.clinic_id, StaffRole.OWNER)


Clients = tuple[ClinicClient, PatientClient, httpx2.Client, httpx2.Client]


@pytest.fixture
def who(
    one_clinic: ClinicClient, phone: PatientClient, nurse: httpx2.Client, owner: httpx2.Client
) -> Clients:
    return one_clinic, phone, nurse, owner


def send(
    clients: Clients,
    operation: tuple[str, str],
    body: bytes,
    headers: dict[str, str],
) -> httpx2.Response:
    clinic, phone, nurse, owner = clients
    method, path = operation
    own = path.startswith(("/v1/check-ins", "/v1/assessments", "/v1/me", "/v1/enrolments", "/v1/tokens"))
    filled = path.replace("{patient_id}", phone.patient_id)
    while "{" in filled:
        filled = filled[: filled.index("{")] + str(uuid4()) + filled[filled.index("}") + 1 :]
    staff = owner if path.startswith("/v1/clinic/") else nurse
    http = phone.http if own else staff if operation in STAFF_ONLY else clinic.http
    return http.request(method, filled, content=body, headers={"if-match": '"1"'} | headers)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_broken_body_is_refused_and_not_repeated(who: Clients, operation: tuple[str, str]) -> None:
    for name, body in BROKEN:
        reply = send(who, operation, body, JSON)

        with about(name):
            if operation == ("POST", "/v1/check-ins/batch") or operation[1].endswith("/check-ins/batch"):
                assert reply.status_code in {400, 422}
            assert_problem(reply, reply.status_code)
            assert reply.status_code in {400, 404, 422}, reply.text
            assert len(reply.content) < 2_500_000


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one[0]} {one[1]}")
def test_another_media_type_is_refused(who: Clients, operation: tuple[str, str]) -> None:
    body = json.dumps({"mood": 5, "note": CANARY, "url": CANARY, "code": CANARY}).encode()
    for media_type in OTHER_MEDIA_TYPES:
        with about(media_type):
            assert_problem(send(who, operation, body, {"content-type": media_type}), 415)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_body_that_is_too_large_is_refused_however_it_is_announced(
    who: Clients, operation: tuple[str, str]
) -> None:
    one_clinic, phone, _, _ = who

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(BIG), 100_000):
            yield BIG[start : start + 100_000]

    assert_problem(send(who, operation, BIG, JSON), 413, code="body-too-large")
    method, path = operation
    if "{" not in path:
        http = phone.http if path.startswith(("/v1/check-ins", "/v1/me", "/v1/enr", "/v1/tok")) else None
        http = http or one_clinic.http
        reply = http.request(method, path, content=in_pieces(), headers=JSON)
        assert_problem(reply, 413, code="body-too-large")


def test_a_hundred_longest_notes_in_any_script_are_not_too_large(phone: PatientClient) -> None:
    from app.foundation.ids import new_id  # noqa: PLC0415 - only this test makes ids

    items = [
        {
            "id": str(new_id()),
            "recorded_at": NOW.isoformat(),
            "time_zone": "Asia/Tokyo",
            "mood": 5,
            "note": "💙" * 4000,
        }
        for _ in range(100)
    ]

    reply = phone.http.post("/v1/check-ins/batch", json={"items": items}, timeout=60)

    assert reply.status_code == 200, reply.text[:300]
    assert {result["status"] for result in reply.json()["results"]} == {201}


def test_an_unknown_operation_and_a_wrong_method_are_problems_too(one_clinic: ClinicClient) -> None:
    assert_problem(one_clinic.http.get(f"/v1/{CANARY}"), 404)
    assert_problem(one_clinic.http.get("/v1"), 404)
    assert_problem(one_clinic.http.get("/v1/patients/../../etc/passwd"), 404)
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        reply = one_clinic.http.request(method, "/v1/patients")
        assert_problem(reply, 405)
        assert reply.headers["allow"]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/patients?limit=0", "query/limit"),
        ("/v1/patients?limit=201", "query/limit"),
        (f"/v1/patients?limit={'9' * 5000}", "query/limit"),
        (f"/v1/patients?after={CANARY}", "query/after"),
        ("/v1/patients?after=%00", "query/after"),
        ("/v1/patients?after=💙", "query/after"),
        ("/v1/patients?after=AAAA", "query/after"),
        ("/v1/patients?after=" + "a" * 201, "query/after"),
        (f"/v1/signals?state={CANARY}", "query/state"),
        (f"/v1/signals?patient_id={CANARY}", "query/patient_id"),
        (f"/v1/safety-events?state={CANARY}", "query/state"),
        ("/v1/safety-events?after=wrong", "query/after"),
    ],
)
def test_a_wrong_parameter_is_named(one_clinic: ClinicClient, path: str, pointer: str) -> None:
    assert_problem(one_clinic.http.get(path), 422, pointer=pointer)


@pytest.mark.parametrize(
    "position",
    ["wrong", "1", "-1", "0123abcd", "0123abcd.", "0123abcd.-1", "0123abcd.²", "0123abcd.①", "0123ABCD.1",
     "0123abcd.9999999999999999999", "0123abcd." + "9" * 40, "0123abcd.1\n"],
)  # fmt: skip
def test_a_sync_cursor_that_nobody_gave_out_is_refused(phone: PatientClient, position: str) -> None:
    reply = phone.http.get("/v1/check-ins", params={"after": write_cursor(position)})
    assert_problem(reply, 422, pointer="query/after")


@pytest.mark.parametrize("cursor", ["wrong", "MQ=", "💙", "===", "wrI"])
def test_a_sync_cursor_that_is_none_is_refused(phone: PatientClient, cursor: str) -> None:
    assert_problem(phone.http.get("/v1/check-ins", params={"after": cursor}), 422, pointer="query/after")
