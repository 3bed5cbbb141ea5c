"""The clinic's records as FHIR R4: every resource is valid, found by its parameters, and refused with its place."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ResourceNotFound

from app.access.clinics.permissions import Scope
from app.interop.fhir.capability import capability_statement
from app.interop.fhir.catalogue import RESOURCE_TYPES
from app.interop.fhir.refusals import FhirRefusalError, ParameterNotKnownError
from app.interop.fhir.routes import router
from app.interop.fhir.searching import read_search
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.fhir import checked, every_page, issue_of, resources_in
from tests.support.fhir_r4 import broken_rules
from tests.support.lively import LivelyClinic, lively_clinic
from tests.support.people import clinic_client, key_with
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service

NAMES = [one.name for one in RESOURCE_TYPES]
OF_CLINIC = [one.name for one in RESOURCE_TYPES if one.of_clinic is not None]
PHQ_9 = {str(number): 1 for number in range(1, 10)}


class Walker(SyncFHIRClient):
    """The links of a Bundle lead to the service's public address, which is this one's in a test."""

    def _build_request_url(self, path: str, params: dict[str, Any]) -> str:
        return str(super()._build_request_url(path.replace("https://afterglow.test/fhir", self.url), params))


@pytest.fixture(scope="module")
def lively(shared_service: Service) -> Iterator[LivelyClinic]:
    with running_receiver() as receiver:
        made = lively_clinic(shared_service, receiver, "FHIR")
        record = f"/v1/patients/{made.ids['patient_id']}"
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=2)).isoformat(), "items": PHQ_9}
        assert made.client.http.post(f"{record}/assessments", json=form).is_success
        dose = {
            "given_at": (NOW - timedelta(days=3)).isoformat(),
            "phase": "booster",
            "dose_mg": 40,
            "route": "iv",
        }
        given = made.client.http.post(
            f"{record}/infusions", json=dose | {"external_id": "I-1", "source": "ehr"}
        )
        assert given.is_success, given.text
        extra = {"given_at": (NOW - timedelta(days=2)).isoformat(), "phase": "booster"}
        wrong = made.client.http.post(f"{record}/infusions", json=extra)
        voided = f"{record}/infusions/{wrong.json()['id']}/void"
        assert made.client.http.post(voided, json={"reason": "Never given"}).is_success
        subscription = {"url": f"{receiver.url}/fhir", "format": "fhir"}
        assert made.client.http.post("/v1/webhook-endpoints", json=subscription).is_success
        yield made
    made.client.close()


@pytest.fixture(scope="module")
def http(lively: LivelyClinic) -> httpx2.Client:
    return lively.client.http


@pytest.fixture(scope="module")
def patient(lively: LivelyClinic) -> str:
    return lively.ids["patient_id"]


@pytest.mark.parametrize("name", NAMES)
def test_each_type_is_found_valid_and_read_by_its_id(http: httpx2.Client, name: str) -> None:
    found = every_page(http, name, _count="7")
    assert found
    assert len({one["id"] for one in found}) == len(found)
    first = found[-1]
    assert checked(http.get(f"/fhir/{name}/{first['id']}")) == first
    assert every_page(http, name, _id=first["id"]) == [first]


@pytest.mark.parametrize(
    ("resource", "broken"),
    [
        ({"resourceType": "Patient", "name": "x"}, 'is not of type "array"'),
        ({"resourceType": "Patient", "contact": [{"gender": "male"}]}, "Patient.contact: pat-1"),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Patient"}}]},
            "Bundle: bdl-3",
        ),
        (
            {"resourceType": "Flag", "period": {"start": "2026-02-01", "end": "2026-01-01"}},
            "Period: per-1",
        ),
    ],
)
def test_the_schema_and_the_invariants_find_what_is_wrong(resource: dict[str, Any], broken: str) -> None:
    assert any(broken in one for one in broken_rules(resource))


@pytest.mark.slow
def test_the_capability_statement_says_what_there_is(http: httpx2.Client) -> None:
    statement = checked(httpx2.get(f"{http.base_url}/fhir/metadata"))
    rest = statement["rest"][0]
    assert [one["type"] for one in rest["resource"]] == NAMES
    for one in rest["resource"]:
        assert http.get(f"/fhir/{one['type']}").status_code == 200
        for parameter in one["searchParam"]:
            value = {"date": "2020-01-01", "token": "x", "reference": "Patient/x"}[parameter["type"]]
            reply = http.get(f"/fhir/{one['type']}", params={parameter["name"]: value})
            known = reply.status_code == 200 or issue_of(reply, 422) == ("value", f"http.{parameter['name']}")
            assert known, (one["type"], parameter["name"])


def test_what_the_capability_statement_does_not_say_is_refused() -> None:
    statement = capability_statement(base_url="https://afterglow.test/fhir", now=NOW)
    said = {
        one["type"]: {each["name"] for each in one["searchParam"]} for one in statement["rest"][0]["resource"]
    }
    every = set().union(*said.values())
    for kind in RESOURCE_TYPES:
        refused = set()
        for name in every:
            try:
                read_search(kind, [(name, "2020-01-01")], base_url="")
            except ParameterNotKnownError:
                refused.add(name)
            except FhirRefusalError:
                continue
        assert refused == every - said[kind.name], kind.name


def test_the_interactions_that_are_said_are_those_that_are_routed() -> None:
    (rest,) = capability_statement(base_url="https://afterglow.test/fhir", now=NOW)["rest"]
    said = {("GET", f"/fhir/${one['name']}") for one in rest["operation"]}
    ways = {"read": ("GET", "/{id}"), "search-type": ("GET", ""), "create": ("POST", "")}
    for one in rest["resource"]:
        for interaction in one["interaction"]:
            method, rest_of_path = ways[interaction["code"]]
            said.add((method, f"/fhir/{one['type']}{rest_of_path}"))
        said |= {("GET", f"/fhir/{one['type']}/{{id}}/${each['name']}") for each in one.get("operation", [])}
    routed = {
        (method, re.sub(r"\{\w+\}", "{id}", route.path))
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    aside = ("/fhir/metadata", "/fhir/token", "/fhir/.well-known/", "/fhir/$export-")
    assert {one for one in routed if not one[1].startswith(aside)} == said


def test_an_infusion_is_a_procedure_and_what_was_given_in_it(http: httpx2.Client, patient: str) -> None:
    (procedure,) = every_page(http, "Procedure", identifier="urn:afterglow:source:ehr|I-1")
    (given,) = every_page(http, "MedicationAdministration", identifier="urn:afterglow:source:ehr|I-1")
    assert procedure["subject"]["reference"] == f"Patient/{patient}"
    assert procedure["category"]["coding"][0]["code"] == "booster"
    assert given["partOf"][0]["reference"] == f"Procedure/{procedure['id']}"
    assert given["dosage"]["dose"] == {
        "value": 40, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"
    }  # fmt: skip


def test_what_was_entered_in_error_says_so_and_who_said_it(http: httpx2.Client) -> None:
    (wrong,) = every_page(http, "Procedure", status="entered-in-error")
    (same,) = every_page(http, "MedicationAdministration", status="entered-in-error")
    (line,) = every_page(http, "Provenance", target=f"Procedure/{wrong['id']}")
    assert line["activity"]["coding"][0]["code"] == "NULLIFY"
    assert {one["reference"] for one in line["target"]} == {
        f"Procedure/{wrong['id']}",
        f"MedicationAdministration/{same['id']}",
    }


def test_a_total_has_loincs_code_and_a_check_in_has_ours(http: httpx2.Client, patient: str) -> None:
    (total,) = every_page(http, "Observation", patient=patient, code="http://loinc.org|44261-6")
    assert total["valueQuantity"]["value"] == 9
    (form,) = every_page(http, "QuestionnaireResponse", patient=patient)
    assert total["derivedFrom"][0]["reference"] == f"QuestionnaireResponse/{form['id']}"
    assert [one["linkId"] for one in form["item"]] == list(PHQ_9)
    daily = every_page(http, "Observation", patient=f"Patient/{patient}", code="check-in")
    assert daily
    assert all(one["code"]["coding"][0]["system"].startswith("urn:afterglow:") for one in daily)


def test_dates_are_compared_as_fhir_compares_them(http: httpx2.Client, patient: str) -> None:
    day = (NOW - timedelta(days=3)).date().isoformat()
    sessions = {one["id"]: one["performedDateTime"] for one in every_page(http, "Procedure", patient=patient)}

    def found(*dates: str) -> set[str]:
        params: list[tuple[str, str | int | float | bool | None]] = [("date", one) for one in dates]
        reply = http.get("/fhir/Procedure", params=[("patient", patient), *params])
        return {one["id"] for one in resources_in(checked(reply))}

    assert len(found(day)) == 1
    assert found(f"ge{day}") | found(f"lt{day}") == set(sessions)
    assert found(f"gt{day}") | found(day) == found(f"ge{day}")
    assert found(f"ge{day}", f"le{day}") == found(day)
    assert found(f"ne{day}") == set(sessions) - found(day)
    assert found(f"{day},{NOW.year - 1}") == found(day)


def test_what_changed_since_is_what_was_changed_since(http: httpx2.Client, patient: str) -> None:
    every = every_page(http, "Observation", patient=patient)
    last = max(one["meta"]["lastUpdated"] for one in every)
    assert every_page(http, "Observation", patient=patient, _lastUpdated=f"gt{last}") == []
    assert {
        one["id"] for one in every_page(http, "Observation", patient=patient, _lastUpdated=f"le{last}")
    } == {one["id"] for one in every}


def test_the_patient_comes_along_when_asked(http: httpx2.Client, patient: str) -> None:
    bundle = checked(
        http.get("/fhir/Task", params={"patient": patient, "_include": "Task:patient", "_count": "1"})
    )
    assert [one["id"] for one in resources_in(bundle, "include")] == [patient]


def test_everything_about_a_patient_is_what_the_searches_find(http: httpx2.Client, patient: str) -> None:
    bundle = checked(http.get(f"/fhir/Patient/{patient}/$everything"))
    found = {(one["resourceType"], one["id"]) for one in resources_in(bundle)}
    searched = {
        (name, one["id"])
        for name in NAMES
        if name not in {"Patient", *OF_CLINIC}
        for one in every_page(http, name, patient=patient, _count="200")
    }
    assert found == searched | {("Patient", patient)}
    some = checked(http.get(f"/fhir/Patient/{patient}/$everything", params={"_type": "Task,Flag"}))
    assert {one["resourceType"] for one in resources_in(some)} == {"Task", "Flag"}


def test_a_generic_client_walks_the_clinic(lively: LivelyClinic, patient: str) -> None:
    base = str(lively.client.http.base_url).rstrip("/")
    client = Walker(f"{base}/fhir", authorization=f"Bearer {lively.client.key}")
    # All of the clinic, page by page, and nothing that our own walk does not find.
    for name in NAMES:
        walked = {one.id for one in client.resources(name).limit(5)}
        assert walked == {one["id"] for one in every_page(lively.client.http, name, _count="200")}
        assert walked
    (one,) = client.resources("Patient").search(_id=patient).fetch()
    assert one.reference == f"Patient/{patient}"
    tasks = client.resources("Task").search(patient=patient).include("Task", "patient").fetch_raw()
    assert {entry.resource.resource_type for entry in tasks.entry} == {"Task", "Patient"}
    with pytest.raises(ResourceNotFound):
        client.reference("Observation", patient).to_resource()


def test_a_duplicate_points_to_the_patient_whom_it_went_into(
    http: httpx2.Client, lively: LivelyClinic
) -> None:
    (double,) = [one for one in every_page(http, "Patient") if "link" in one]
    assert double["link"][0]["other"]["reference"] == f"Patient/{lively.ids['into_id']}"
    assert issue_of(http.get(f"/fhir/Patient/{double['id']}/$everything"), 410)[0] == "deleted"


BAD: list[tuple[str, dict[str, str], int, tuple[str, str]]] = [
    ("Patient", {"name": "x"}, 422, ("not-supported", "http.name")),
    ("Observation", {"code:text": "x"}, 422, ("not-supported", "http.code:text")),
    ("Questionnaire", {"patient": "x"}, 422, ("not-supported", "http.patient")),
    ("Observation", {"date": "yesterday"}, 422, ("value", "http.date")),
    ("Observation", {"date": "2026-02-30"}, 422, ("value", "http.date")),
    ("Observation", {"date": "ap2026-01-01"}, 422, ("value", "http.date")),
    ("Observation", {"date": ""}, 422, ("value", "http.date")),
    ("Observation", {"_lastUpdated": "gt2026-13"}, 422, ("value", "http._lastUpdated")),
    ("Observation", {"_count": "0"}, 422, ("value", "http._count")),
    ("Observation", {"_count": "-1"}, 422, ("value", "http._count")),
    ("Observation", {"_count": "ten"}, 422, ("value", "http._count")),
    ("Observation", {"_include": "Observation:encounter"}, 422, ("value", "http._include")),
    ("Observation", {"_page": "made-up"}, 422, ("invalid", "http._page")),
    ("Observation", {"_page": "%%%"}, 422, ("invalid", "http._page")),
    ("Observation", {"patient": "https://other.example/fhir/Patient/1"}, 422, ("value", "http.patient")),
    ("Observation", {"patient": "0190a1b2-0000-7000-8000-000000000000"}, 404, ("not-found", "http.patient")),
    ("Observation", {"_format": "xml"}, 406, ("not-supported", "http._format")),
    ("Observation/made-up", {}, 404, ("not-found", "")),
    ("Observation/c-aaaaaaaaaaaaaaaaaaaaaaaaaa-aaaaaaaaaaaaaaaaaaaaaaaaaa", {}, 404, ("not-found", "")),
    ("Patient/made-up", {}, 404, ("not-found", "")),
    ("Patient/made-up/$everything", {}, 404, ("not-found", "")),
    ("Encounter", {}, 404, ("not-found", "")),
    ("Patient/made-up/$everything", {"_since": "2026"}, 422, ("not-supported", "http._since")),
    ("Patient/made-up/$everything", {"_type": "Encounter"}, 422, ("value", "http._type")),
]


@pytest.mark.parametrize(("path", "params", "status", "issue"), BAD)
def test_what_is_wrong_is_said_with_its_place(
    http: httpx2.Client, path: str, params: dict[str, str], status: int, issue: tuple[str, str]
) -> None:
    reply = http.get(f"/fhir/{path}", params=params)
    assert issue_of(reply, status) == issue
    assert not any(value and value in reply.text for value in ("yesterday", "made-up", "other.example"))


def test_xml_is_not_given_and_not_read(http: httpx2.Client) -> None:
    xml = {"accept": "application/fhir+xml"}
    assert issue_of(http.get("/fhir/Patient", headers=xml), 406) == ("not-supported", "http.accept")
    reply = http.post("/fhir/Patient", content="<Patient/>", headers={"content-type": "application/fhir+xml"})
    assert issue_of(reply, 415) == ("not-supported", "http.content-type")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_an_interaction_that_is_not_offered_is_refused(
    http: httpx2.Client, method: str, patient: str
) -> None:
    reply = http.request(method, f"/fhir/Patient/{patient}")
    assert issue_of(reply, 404) == ("not-found", "")


def test_nobody_reads_without_a_key_or_beyond_its_scope(
    shared_service: Service, http: httpx2.Client, lively: LivelyClinic
) -> None:
    assert issue_of(httpx2.get(f"{http.base_url}/fhir/Patient"), 401) == ("login", "")
    narrow = key_with(shared_service, lively.client.clinic_id, Scope.PATIENTS)
    bearer = {"authorization": f"Bearer {narrow}"}
    assert checked(http.get("/fhir/Patient", headers=bearer))
    assert issue_of(http.get("/fhir/Observation", headers=bearer), 403) == ("forbidden", "")


def test_another_clinic_sees_nothing_of_it(
    shared_service: Service, http: httpx2.Client, patient: str
) -> None:
    other = clinic_client(shared_service, "Other")
    for name in NAMES:
        (one, *_) = every_page(http, name, _count="200")
        if name not in OF_CLINIC:
            assert every_page(other.http, name) == []
            assert issue_of(other.http.get(f"/fhir/{name}/{one['id']}"), 404) == ("not-found", "")
    for name in set(NAMES) - {"Patient", *OF_CLINIC}:
        reply = other.http.get(f"/fhir/{name}", params={"patient": patient})
        assert issue_of(reply, 404) == ("not-found", "http.patient")
    assert issue_of(other.http.get(f"/fhir/Patient/{patient}/$everything"), 404) == ("not-found", "")


def test_each_look_is_in_the_audit_log(
    shared_database: DatabaseUrls, http: httpx2.Client, lively: LivelyClinic, patient: str
) -> None:
    def lines() -> list[tuple[Any, Any]]:
        rows = ask(
            shared_database.superuser_url,
            "SELECT action, patient_id::text FROM care.audit_events WHERE clinic_id = %(clinic_id)s ORDER BY id",
            clinic_id=lively.client.clinic_id,
        )
        return [(row["action"], row["patient_id"]) for row in rows]

    (task,) = every_page(http, "Task", patient=patient)
    before = len(lines())
    http.get("/fhir/Task", params={"patient": patient})
    http.get("/fhir/Task")
    http.get(f"/fhir/Task/{task['id']}")
    http.get(f"/fhir/Patient/{patient}/$everything")
    http.get("/fhir/Questionnaire")
    http.get(f"/fhir/Observation/{task['id']}")
    assert lines()[before:] == [
        ("signals.read", patient),
        ("signals.read", None),
        ("signals.read", patient),
        ("patient.exported", patient),
    ]
