"""Cards in the EHR (CDS Hooks): shown for a call that the EHR signed, about a patient whom this clinic has of it."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.interop.test_connections import HERE, connect, owner_of, send
from tests.interop.test_ehr_reading import CODE, appointment, person, read
from tests.support.browser import PlainBrowser
from tests.support.fake_ehr import FakeEhr, running_fake_ehr, stamp
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service

KEY = ECKey.generate_key("P-384", {"kid": "hooks-1"})
KEYS = json.dumps({"keys": [KEY.as_dict(private=False)]})
PUBLIC = "https://afterglow.test"
BEFORE, AFTER, LOST = (2, 2, 2), (8, 8, 8), (3, 3, 3)


@pytest.fixture
def ehr(service: Service, clinic: ClinicClient) -> Iterator[FakeEhr]:
    """An EHR with the patients MRN-1 and MRN-2, whose calls we believe."""
    with running_fake_ehr(service.clock) as running:
        owner = owner_of(service, clinic)
        connect_with_hooks(owner, running)
        running.program_keys = httpx2.get(service.url + address(owner, "/fhir/.well-known/jwks")).json()
        for number in (1, 2):
            person(running, number)
            appointment(running, f"a{number}", number, NOW + timedelta(days=20))
        read(service, owner)
        yield running


def connect_with_hooks(owner: PlainBrowser, ehr: FakeEhr) -> None:
    code = f"{CODE['system']}|{CODE['code']}"
    connect(owner, ehr, kind="ehr", name="EHR", procedure_code=code, hook_keys=KEYS)


def address(owner: PlainBrowser, begins: str) -> str:
    """The path of an address that the settings page shows."""
    return str(re.findall(rf"{PUBLIC}({begins}[^<]*)", owner.get(HERE).text)[0])


def token(ehr: FakeEhr, audience: str, *, key: ECKey = KEY, alg: str = "ES384", **claims: object) -> str:
    said = {
        "iss": ehr.url,
        "aud": f"{PUBLIC}{audience}",
        "iat": stamp(NOW),
        "exp": stamp(NOW + timedelta(minutes=4)),
        "jti": uuid4().hex,
    } | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "hooks-1"}, said, key, algorithms=[alg])


def calling(patient: str) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "fhirServer": "http://169.254.169.254/fhir",
        "context": {"userId": "Practitioner/1", "patientId": patient},
    }


def call(service: Service, path: str, bearer: str, patient: str = "p1", **other: object) -> httpx2.Response:
    body = calling(patient) | other
    return httpx2.post(f"{service.url}{path}", json=body, headers={"authorization": f"Bearer {bearer}"})


def test_a_chart_that_is_opened_shows_what_is_open_here(
    service: Service, clinic: ClinicClient, ehr: FakeEhr
) -> None:
    owner = owner_of(service, clinic)
    services = address(owner, "/cds/")
    (offered,) = httpx2.get(service.url + services).json()["services"]
    assert offered["hook"] == "patient-view"
    path = f"{services}/{offered['id']}"
    patient, other = (
        next(
            one["id"]
            for one in clinic.http.get("/v1/patients").json()["items"]
            if one["external_ref"] == name
        )
        for name in ("MRN-1", "MRN-2")
    )
    assert call(service, path, token(ehr, path)).json() == {"cards": []}
    last = NOW - timedelta(days=40)
    clinic.treat(patient, last_infusion=last)
    clinic.import_days(patient, last - timedelta(days=30), [BEFORE] * 12)
    clinic.import_days(patient, last + timedelta(days=1), [AFTER] * 20 + [LOST] * 19)
    (signal,) = clinic.signals(patient)
    reply = call(service, path, token(ehr, path))
    (card,) = reply.json()["cards"]
    assert (card["indicator"], "consider a booster" in card["summary"]) == ("warning", True)
    assert card["detail"] == signal["explanation"]
    assert card["links"] == [
        {"label": "Open in Afterglow", "url": f"{PUBLIC}/care/launch/{clinic.clinic_id}", "type": "smart"}
    ]
    phone = clinic.enrol(other, service.url)
    assert phone.check_in(NOW - timedelta(hours=1), self_harm_thoughts=True).is_success
    (card,) = call(service, path, token(ehr, path), "p2").json()["cards"]
    assert (card["indicator"], card["summary"]) == ("critical", "Afterglow: a safety event is open")
    assert "detail" not in card
    # Whom this clinic does not have of this EHR, by whatever id, is nobody.
    assert call(service, path, token(ehr, path), patient).json() == {"cards": []}
    lines = clinic.http.get("/v1/audit-events", params={"patient_id": patient}).json()["items"]
    assert "signals.read" in {one["action"] for one in lines}


def test_another_clinic_shows_nothing_of_the_same_patient(
    service: Service, clinic: ClinicClient, ehr: FakeEhr
) -> None:
    other = clinic_client(service, "Second")
    second = owner_of(service, other)
    connect_with_hooks(second, ehr)
    here, there = (f"{address(one, '/cds/')}/afterglow" for one in (owner_of(service, clinic), second))
    assert call(service, there, token(ehr, there)).json() == {"cards": []}
    assert call(service, there, token(ehr, here)).status_code == 401


def test_a_call_that_is_not_signed_right_shows_nothing(
    service: Service, clinic: ClinicClient, ehr: FakeEhr
) -> None:
    path = f"{address(owner_of(service, clinic), '/cds/')}/afterglow"
    once = token(ehr, path)
    assert call(service, path, once).status_code == 200
    refused = {
        "replayed": once,
        "another key": token(ehr, path, key=ECKey.generate_key("P-384", {"kid": "hooks-1"})),
        "another audience": token(ehr, "/fhir/token"),
        "another issuer": token(ehr, path, iss="https://another.example"),
        "expired": token(ehr, path, exp=stamp(NOW - timedelta(minutes=5))),
        "without an end": token(ehr, path, exp=None),
        "for too long": token(ehr, path, exp=stamp(NOW + timedelta(hours=1))),
        "without an id": token(ehr, path, jti=None),
        "nonsense": "made-up",
    }
    for why, bearer in refused.items():
        reply = call(service, path, bearer)
        assert reply.status_code == 401, why
        assert reply.json()["type"].endswith("/hook-call-refused"), why
    assert httpx2.post(f"{service.url}{path}", json=calling("p1")).status_code == 401
    wrong: list[tuple[str, object]] = [("hook", "order-sign"), ("context", {}), ("hookInstance", "x")]
    for name, value in wrong:
        assert call(service, path, token(ehr, path), "p1", **{name: value}).status_code == 422
    assert call(service, path, token(ehr, path), "").status_code == 422
    system = path.split("/")[3]
    assert call(service, path.replace(system, str(uuid4())), token(ehr, path)).status_code == 404


def test_keys_and_origins_are_looked_at_when_the_ehr_is_connected(
    service: Service, one_clinic: ClinicClient
) -> None:
    owner = owner_of(service, one_clinic)
    good = {"kind": "ehr", "name": "EHR", "issuer": "https://ehr.example", "client_id": "x"}
    private = json.dumps({"keys": [KEY.as_dict(private=True)]})
    for bad in (
        {"hook_keys": private},
        {"hook_keys": "no keys"},
        {"frames": "http://ehr.example"},
        {"frames": "https://ehr.example/path"},
        {"frames": "https://*.example"},
        {"frames": "'self'; script-src *"},
    ):
        reply = send(owner, f"{HERE}/systems", **(good | bad))
        assert (reply.status_code, "Not done." in reply.text) == (422, True), bad
