"""Any request that the document allows, and many that it forbids: the answer is always one of those described.

Made by Schemathesis from the document, with real ids in the paths so that it gets past the doors; the
same requests each time (``derandomize``).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.access.clinics.permissions import StaffRole
from tests.support.budget import budget
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client, treated
from tests.support.service import NOW, Service, running_service
from tests.support.staff import invited, signed_in
from tests.support.the_api import document

# Requests for each operation and mode; the campaign says its own number.
EACH: Final = int(os.environ.get("AFTERGLOW_TEST_REQUESTS", budget(3, long=200)))
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
load_all_checks()
DOCUMENT: Final = document()
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: Final = {
    f"{found.ok().method.upper()} {found.ok().path}": found.ok()
    for found in SCHEMA.get_all_operations()
    if isinstance(found, Ok)
}
Mode = schemathesis.GenerationMode


@dataclass(frozen=True)
class Target:
    """A service with something behind every id."""

    url: str
    ids: dict[str, str]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def target(own_database: DatabaseUrls) -> Iterator[Target]:
    # Without a worker: whatever addresses are made up, nothing is ever sent to them.
    with running_service(own_database.application_url, work=False) as service:
        yield furnished(service)


def furnished(service: Service) -> Target:
    clinic = clinic_client(service)
    endpoint = clinic.add_endpoint("http://127.0.0.1:9/hook")
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    deliveries = clinic.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=16)
    phone = clinic.enrol(patient, service.url)
    for day in range(17, 24):
        assert phone.check_in(NOW - timedelta(days=24 - day), (4, 4, 4)).status_code == 201
    kept = phone.check_in(NOW, (4, 4, 4), self_harm_thoughts=True)
    (signal,) = clinic.signals(patient)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    someone = invited(clinic, StaffRole.CLINICIAN)
    clinic.close()
    return Target(
        url=service.url,
        ids={
            "patient_id": patient,
            "signal_id": signal["id"],
            "event_id": event["id"],
            "endpoint_id": endpoint["id"],
            "delivery_id": deliveries[0]["id"],
            "check_in_id": kept.json()["id"],
            "staff_id": someone["id"],
        },
        tokens={
            "ClinicKey": clinic.key,
            "DeviceToken": phone.access_token,
            "StaffSession": signed_in(service, clinic.clinic_id, StaffRole.COORDINATOR),
        },
    )


def described(operation: str) -> dict[str, Any]:
    method, path = operation.split(" ")
    return dict(DOCUMENT["paths"][path][method.lower()])


def takes_something(operation: str) -> bool:
    return bool({"parameters", "requestBody"} & set(described(operation)))


def headers_for(target: Target, operation: str) -> dict[str, str]:
    # Where several would do, the first one is shown.
    scheme, *_ = [name for needed in described(operation).get("security", []) for name in needed] or [None]
    return {} if scheme is None else {"authorization": f"Bearer {target.tokens[scheme]}"}


def try_all(target: Target, operation: str, mode: Mode) -> None:
    headers = headers_for(target, operation)
    if operation.startswith("PATCH") and mode is Mode.POSITIVE:
        headers["if-match"] = '"1"'

    @given(case=OPERATIONS[operation].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EACH,
        suppress_health_check=list(HealthCheck),
    )
    def tried(case: "schemathesis.Case[Any]") -> None:
        # A check-in is sent under a separate id; everything else is about something that is there.
        if mode is Mode.POSITIVE and not operation.startswith("PUT"):
            known = {name: target.ids[name] for name in case.path_parameters if name in target.ids}
            case.path_parameters.update(known)
        reply = case.call_and_validate(base_url=target.url, headers=headers, checks=CHECKS, timeout=30)
        # An error of the server's is an answer only where the document names it, as at `/health/safety`.
        assert reply.status_code < 500 or str(reply.status_code) in described(operation)["responses"]

    tried()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_allowed_is_answered_as_described(target: Target, operation: str) -> None:
    try_all(target, operation, Mode.POSITIVE)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if takes_something(name)])
def test_whatever_is_forbidden_is_answered_as_described(target: Target, operation: str) -> None:
    try_all(target, operation, Mode.NEGATIVE)


def test_every_operation_was_looked_at() -> None:
    in_document = {
        f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert set(OPERATIONS) == in_document
