"""An EHR writes forms and sessions, and takes a whole clinic along as lines of JSON."""

from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from tests.support.fhir import Json, checked, every_page, exported, issue_of, path_of, valid
from tests.support.people import ClinicClient, clinic_client, key_with
from tests.support.service import NOW, Service

LOINC = "http://loinc.org"
ITEMS = ("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8")
ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")


@pytest.fixture(scope="module")
def patient(one_clinic: ClinicClient) -> str:
    patient = one_clinic.patient()
    one_clinic.treat(patient, last_infusion=NOW - timedelta(days=30))
    return patient


@pytest.fixture(scope="module")
def http(one_clinic: ClinicClient) -> httpx2.Client:
    return one_clinic.http


def form(
    patient: str, *, days_ago: float = 1, answers: tuple[int, ...] = (1,) * 8 + (0,), **more: object
) -> Json:
    """A PHQ-9 as an EHR writes it, by LOINC's codes."""
    items = [
        {"linkId": f"/{item}", "answer": [{"valueCoding": {"system": LOINC, "code": ANSWERS[answer]}}]}
        for item, answer in zip(ITEMS, answers, strict=True)
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{LOINC}/q/44249-1",
        "status": "completed",
        "subject": {"reference": f"Patient/{patient}"},
        "authored": (NOW - timedelta(days=days_ago)).isoformat(),
        "item": items,
        **more,
    }


def session(patient: str, *, days_ago: float = 2, **more: object) -> Json:
    """A booster as an EHR writes it."""
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"coding": [{"system": "urn:afterglow:treatment", "code": "ketamine-session"}]},
        "category": {"coding": [{"system": "urn:afterglow:infusion-phase", "code": "booster"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "performedDateTime": (NOW - timedelta(days=days_ago)).isoformat(),
        **more,
    }


def identified(value: str) -> dict[str, str]:
    return {"system": "https://ehr.example/ids", "value": value}


def test_a_form_is_kept_scored_and_given_back(http: httpx2.Client, patient: str) -> None:
    reply = http.post("/fhir/QuestionnaireResponse", json=form(patient, identifier=identified("F-1")))
    kept = checked(reply, 201)
    assert reply.headers["location"].endswith(f"/fhir/QuestionnaireResponse/{kept['id']}")
    assert kept["identifier"] == identified("F-1")
    (total,) = every_page(http, "Observation", patient=patient, identifier="https://ehr.example/ids|F-1")
    assert total["valueQuantity"]["value"] == 8
    again = http.post("/fhir/QuestionnaireResponse", json=form(patient, identifier=identified("F-1")))
    assert checked(again, 200)["id"] == kept["id"]


def test_a_session_is_kept_with_its_dose_and_route(http: httpx2.Client, patient: str) -> None:
    dose = {"value": 40, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    extension = [
        {"url": "urn:afterglow:dose", "valueQuantity": dose},
        {"url": "urn:afterglow:route", "valueCode": "iv"},
    ]
    body = session(patient, extension=extension, identifier=[identified("S-1")])
    kept = checked(http.post("/fhir/Procedure", json=body), 201)
    assert kept["extension"] == extension
    (given,) = every_page(http, "MedicationAdministration", identifier="https://ehr.example/ids|S-1")
    assert given["dosage"]["dose"] == dose
    assert (
        checked(http.get(f"/fhir/Procedure/{kept['id']}"))["performedDateTime"] == kept["performedDateTime"]
    )
    other = body | {"performedDateTime": (NOW - timedelta(days=3)).isoformat()}
    assert issue_of(http.post("/fhir/Procedure", json=other), 409)[0] == "conflict"
    condition = {"if-none-exist": "identifier=https://ehr.example/ids|S-1"}
    assert checked(http.post("/fhir/Procedure", json=other, headers=condition), 200)["id"] == kept["id"]


def test_what_is_unlikely_is_asked_about_and_kept_when_confirmed(http: httpx2.Client, patient: str) -> None:
    near = session(patient, days_ago=2.1)
    reply = http.post("/fhir/Procedure", json=near)
    assert issue_of(reply, 409) == ("conflict", "Procedure.performed")
    (code,) = reply.json()["issue"][0]["diagnostics"].removeprefix("confirm: ").split(", ")
    confirmed = near | {"extension": [{"url": "urn:afterglow:confirm", "valueCode": code}]}
    checked(http.post("/fhir/Procedure", json=confirmed), 201)


def test_a_written_suicide_item_takes_the_safety_pathway(service: Service) -> None:
    clinic = clinic_client(service, "Safety")
    kept, refused = clinic.patient(), clinic.patient()
    checked(clinic.http.post("/fhir/QuestionnaireResponse", json=form(kept, answers=(0,) * 8 + (3,))), 201)
    # Also where the form is not kept.
    bad = form(refused, answers=(0,) * 8 + (3,))
    bad["item"][0]["linkId"] = "no such item"
    reply = clinic.http.post("/fhir/QuestionnaireResponse", json=bad)
    outcome = checked(reply, 422)
    assert [one["severity"] for one in outcome["issue"]] == ["error", "information"]
    flags = every_page(clinic.http, "Flag")
    assert {one["subject"]["reference"] for one in flags} == {f"Patient/{kept}", f"Patient/{refused}"}
    assert {one["code"]["coding"][0]["code"] for one in flags} == {"urgent-safety-event"}


def with_change(resource: Json, *path: str | int, to: object) -> Json:
    """A copy with something else at a place; None takes it away."""
    changed = deepcopy(resource)
    here: Any = changed
    for part in path[:-1]:
        here = here[part]
    if to is None:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return changed


ANSWER = ("item", 0, "answer", 0, "valueCoding")
BAD_FORMS: list[tuple[tuple[str | int, ...], object, tuple[str, str]]] = [
    (("authored",), "yesterday", ("structure", "QuestionnaireResponse.authored")),
    (("authored",), "2026-11-01", ("value", "QuestionnaireResponse.authored")),
    (("authored",), None, ("required", "QuestionnaireResponse.authored")),
    (("status",), "in-progress", ("value", "QuestionnaireResponse.status")),
    (("questionnaire",), "http://loinc.org/q/1", ("value", "QuestionnaireResponse.questionnaire")),
    (("questionnaire",), None, ("required", "QuestionnaireResponse.questionnaire")),
    (("subject", "reference"), "Patient/x", ("value", "QuestionnaireResponse.subject.reference")),
    (
        ("subject", "reference"),
        "https://other.example/fhir/Patient/0190a1b2-0000-7000-8000-000000000000",
        ("value", "QuestionnaireResponse.subject.reference"),
    ),
    (
        ("subject", "reference"),
        "Patient/0190a1b2-0000-7000-8000-000000000000",
        ("not-found", "QuestionnaireResponse.subject.reference"),
    ),
    (("item", 0, "linkId"), "made-up", ("value", "QuestionnaireResponse.item[0].linkId")),
    (("item", 1, "linkId"), "/44250-9", ("invariant", "QuestionnaireResponse.item[1].linkId")),
    ((*ANSWER, "code"), "LA99-9", ("code-invalid", "QuestionnaireResponse.item[0].answer[0].valueCoding.code")),
    (
        (*ANSWER, "system"),
        "http://snomed.info/sct",
        ("code-invalid", "QuestionnaireResponse.item[0].answer[0].valueCoding.system"),
    ),
    (
        (*ANSWER, "extension"),
        [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 3}],
        ("invariant", "QuestionnaireResponse.item[0].answer[0].valueCoding.extension"),
    ),
    (("item", 0, "answer", 0), {"valueString": "often"}, ("value", "QuestionnaireResponse.item[0].answer[0]")),
    (
        ("item", 0, "answer", 0),
        {"valueInteger": "one"},
        ("structure", "QuestionnaireResponse.item[0].answer[0].valueInteger"),
    ),
    (("made_up",), 1, ("structure", "QuestionnaireResponse.made_up")),
    (("modifierExtension",), [{"url": "urn:x"}], ("not-supported", "QuestionnaireResponse.modifierExtension")),
    (("item", 0), None, ("invalid", "QuestionnaireResponse.item")),
    (("resourceType",), "Bundle", ("structure", "QuestionnaireResponse.resourceType")),
]  # fmt: skip


@pytest.mark.parametrize(("place", "to", "issue"), BAD_FORMS)
def test_a_wrong_form_is_refused_at_its_element(
    http: httpx2.Client, patient: str, place: tuple[str | int, ...], to: object, issue: tuple[str, str]
) -> None:
    reply = http.post(
        "/fhir/QuestionnaireResponse", json=with_change(form(patient, days_ago=5), *place, to=to)
    )
    assert issue_of(reply, 422) == issue
    assert "made-up" not in reply.text


BAD_SESSIONS: list[tuple[tuple[str | int, ...], object, tuple[str, str]]] = [
    (("code", "coding", 0, "code"), "appendectomy", ("code-invalid", "Procedure.code")),
    (("code", "coding", 0, "system"), "http://snomed.info/sct", ("code-invalid", "Procedure.code")),
    (("code",), None, ("required", "Procedure.code")),
    (("category", "coding", 0, "code"), "later", ("code-invalid", "Procedure.category")),
    (("status",), "entered-in-error", ("value", "Procedure.status")),
    (("performedDateTime",), "2126-11-01T10:00:00Z", ("invalid", "Procedure.performed")),
    (("performedDateTime",), None, ("required", "Procedure.performed")),
    (
        ("extension",),
        [{"url": "urn:afterglow:dose", "valueQuantity": {"value": -1, "unit": "mg"}}],
        ("value", "Procedure.extension[0].valueQuantity"),
    ),
    (
        ("extension",),
        [{"url": "urn:afterglow:route", "valueCode": "by-post"}],
        ("code-invalid", "Procedure.extension[0].valueCode"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("place", "to", "issue"), BAD_SESSIONS)
def test_a_wrong_session_is_refused_at_its_element(
    http: httpx2.Client, patient: str, place: tuple[str | int, ...], to: object, issue: tuple[str, str]
) -> None:
    reply = http.post("/fhir/Procedure", json=with_change(session(patient, days_ago=6), *place, to=to))
    assert issue_of(reply, 422) == issue


def test_what_is_no_resource_is_refused(service: Service, http: httpx2.Client, patient: str) -> None:
    headers = {"content-type": "application/fhir+json"}
    for body in (b"", b"{", b"[]", b"\xff", b'"x"'):
        reply = http.post("/fhir/Procedure", content=body, headers=headers)
        assert issue_of(reply, 422)[0] == "structure"
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": []}
    assert issue_of(http.post("/fhir", json=bundle), 404) == ("not-found", "")
    assert issue_of(http.post("/fhir/Procedure", json=bundle), 422)[0] == "structure"
    condition = {"if-none-exist": "status=completed"}
    reply = http.post("/fhir/Procedure", json=session(patient), headers=condition)
    assert issue_of(reply, 422) == ("not-supported", "http.if-none-exist")
    other = clinic_client(service, "Elsewhere").patient()
    reply = http.post("/fhir/Procedure", json=session(other))
    assert issue_of(reply, 422) == ("not-found", "Procedure.subject.reference")


def bulk_key(service: Service, clinic: ClinicClient, *scopes: Scope) -> dict[str, str]:
    return {"authorization": f"Bearer {key_with(service, clinic.clinic_id, *scopes)}"}


def test_a_bulk_client_takes_the_clinic_along(service: Service) -> None:
    clinic = clinic_client(service, "Bulk")
    patients = [clinic.patient() for _ in range(3)]
    for one in patients:
        clinic.treat(one, last_infusion=NOW - timedelta(days=30))
    phone = clinic.enrol(patients[0], service.url)
    assert phone.check_in(NOW - timedelta(hours=1), note="in my own words").is_success
    headers = bulk_key(service, clinic, Scope.FHIR_EXPORT)
    files = exported(clinic.http, headers)
    for kind, resources in files.items():
        for resource in resources:
            assert resource["resourceType"] == kind
            valid(resource)
    assert {one["id"] for one in files["Patient"]} == set(patients)
    assert len(files["Procedure"]) == 18
    (report,) = files["Observation"]
    assert "note" not in report
    (same,) = exported(clinic.http, headers, _type="Observation", _freeText="true")["Observation"]
    assert same["note"] == [{"text": "in my own words"}]
    assert same | {"note": None} == report | {"note": None}
    service.clock.move_to(NOW + timedelta(minutes=10))
    since = NOW.isoformat()
    assert phone.check_in(NOW + timedelta(minutes=5)).is_success
    (new,) = exported(clinic.http, headers, _type="Observation,Procedure", _since=since)["Observation"]
    assert new["id"] != report["id"]


def test_an_export_is_for_a_key_that_an_owner_made_for_it(service: Service, http: httpx2.Client) -> None:
    clinic = clinic_client(service, "Owner")
    asking = {"prefer": "respond-async"}
    assert issue_of(clinic.http.get("/fhir/$export", headers=asking), 403)[0] == "forbidden"
    # No key gives it away, the clinic's first key included.
    made = clinic.http.post("/v1/api-keys", json={"name": "Bulk", "scopes": [Scope.FHIR_EXPORT.value]})
    assert made.status_code == 403
    headers = bulk_key(service, clinic, Scope.FHIR_EXPORT)
    asked = clinic.http.get("/fhir/$export", headers=headers | asking)
    status = path_of(asked.headers["content-location"])
    assert http.get(status, headers=bulk_key(service, clinic, Scope.FHIR_EXPORT)).status_code == 404
    other = clinic_client(service, "Another")
    assert http.get(status, headers=bulk_key(service, other, Scope.FHIR_EXPORT)).status_code == 404
    service.clock.move_to(NOW + timedelta(hours=25))
    assert issue_of(http.get(status, headers=headers), 404)[0] == "not-found"


@pytest.mark.parametrize(
    ("params", "issue"),
    [
        ({"_type": "Encounter"}, ("value", "http._type")),
        ({"_since": "yesterday"}, ("value", "http._since")),
        ({"_outputFormat": "text/csv"}, ("value", "http._outputFormat")),
        ({"_freeText": "maybe"}, ("value", "http._freeText")),
        ({"patient": str(uuid4())}, ("not-supported", "http.patient")),
    ],
)
def test_a_wrong_export_is_refused(
    service: Service, one_clinic: ClinicClient, params: dict[str, str], issue: tuple[str, str]
) -> None:
    headers = bulk_key(service, one_clinic, Scope.FHIR_EXPORT)
    assert issue_of(one_clinic.http.get("/fhir/$export", headers=headers), 422) == ("required", "http.prefer")
    asking = headers | {"prefer": "respond-async"}
    assert issue_of(one_clinic.http.get("/fhir/$export", params=params, headers=asking), 422) == issue
