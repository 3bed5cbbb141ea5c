"""Questionnaires that patients answer: the authors' own words, kept once, refused with what is missing."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.support.people import ZONE, ClinicClient, PatientClient, clinic_client
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

WELL = [1, 1, 2, 1, 0, 1, 1, 0, 0]
ANSWERS = {
    "en": ["Not at all", "Several days", "More than half the days", "Nearly every day"],
    "es": ["Ningún día", "Varios días", "Más de la mitad de los días", "Casi todos los días"],
}


@pytest.fixture
def phone(one_clinic: ClinicClient, service: Service) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def form(items: object = WELL, *, scale: str = "phq-9", at: datetime = NOW, **more: object) -> dict[str, Any]:
    return {"scale": scale, "taken_at": at.isoformat(), "time_zone": ZONE, "items": items} | more


def send(phone: PatientClient, body: dict[str, Any], assessment_id: str | None = None) -> httpx2.Response:
    return phone.http.put(f"/v1/assessments/{assessment_id or new_id()}", json=body)


@pytest.mark.parametrize(
    ("key", "language", "first", "last", "panel", "codes"),
    [
        (
            "phq-9", "en", "Little interest or pleasure in doing things",
            "Thoughts that you would be better off dead or of hurting yourself in some way", "44249-1",
            ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8"],
        ),
        (
            "phq-9", "es", "Poco interés o placer en hacer cosas",
            "Pensamientos de que estaría mejor muerto(a) o de lastimarse de alguna manera", "44249-1",
            ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8"],
        ),
        (
            "gad-7", "en", "Feeling nervous, anxious or on edge",
            "Feeling afraid as if something awful might happen", "69737-5",
            ["69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"],
        ),
        (
            "gad-7", "es", "Se ha sentido nervioso(a), ansioso(a) o con los nervios de punta",
            "Ha tenido miedo de que algo terrible fuera a pasar", "69737-5",
            ["69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"],
        ),
    ],
)  # fmt: skip
def test_a_questionnaire_comes_in_its_authors_words_with_codes_and_copyright(
    phone: PatientClient, key: str, language: str, first: str, last: str, panel: str, codes: list[str]
) -> None:
    asked = phone.http.get(f"/v1/questionnaires/{key}", params={"locale": f"{language}-US"}).json()

    assert (asked["key"], asked["locale"], asked["recall_days"], asked["loinc"]) == (key, language, 14, panel)
    assert (asked["items"][0]["text"], asked["items"][-1]["text"]) == (first, last)
    assert [one["loinc"] for one in asked["items"]] == codes
    assert [one["number"] for one in asked["items"]] == list(range(1, len(codes) + 1))
    assert [one["text"] for one in asked["answers"]] == ANSWERS[language]
    assert [one["loinc"] for one in asked["answers"]] == ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]
    assert asked["copyright"].startswith("© Pfizer")
    permission = {"en": "No permission required to reproduce, translate, display or distribute.",
                  "es": "No se requiere permiso para reproducir, traducir, presentar o distribuir."}  # fmt: skip
    assert permission[language] in asked["copyright"]
    assert "2 " in asked["instructions"]


def test_a_questionnaire_comes_in_the_patients_language_unless_asked_otherwise(phone: PatientClient) -> None:
    phone.http.patch("/v1/me", json={"locale": "es-MX"})
    assert [one["locale"] for one in phone.http.get("/v1/questionnaires").json()["items"]] == ["es", "es"]
    asked = phone.http.get("/v1/questionnaires", params={"locale": "fr"}).json()
    assert [(one["key"], one["locale"]) for one in asked["items"]] == [("phq-9", "en"), ("gad-7", "en")]


@pytest.mark.parametrize("key", ["madrs", "qids-sr16", "PHQ-9", "bdi", CANARY, "%00"])
def test_no_other_wording_is_shipped(phone: PatientClient, key: str) -> None:
    assert_problem(phone.http.get(f"/v1/questionnaires/{key}"), 404)


def test_an_answered_questionnaire_is_kept_and_the_clinic_sees_its_score(
    phone: PatientClient, one_clinic: ClinicClient
) -> None:
    assessment_id = str(new_id())
    sent = send(phone, form(), assessment_id)

    assert sent.status_code == 201, sent.text
    assert sent.json()["id"] == assessment_id
    assert sent.json()["crisis_help"] is None
    (seen,) = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/assessments").json()["items"]
    assert (seen["id"], seen["total"], seen["band"], seen["entered_by"]) == (
        assessment_id, 7, "mild", "patient",
    )  # fmt: skip


@pytest.mark.parametrize("items", [WELL, [0] * 9, [3] * 8 + [1]])
def test_the_patient_is_shown_no_score(phone: PatientClient, items: list[int]) -> None:
    shown = send(phone, form(items)).json()
    assert set(shown) == {"id", "scale", "taken_at", "time_zone", "received_at", "items", "crisis_help"}


def test_sending_again_changes_nothing_however_the_answers_are_written(phone: PatientClient) -> None:
    assessment_id = str(new_id())
    first = send(phone, form(), assessment_id)
    by_number = {str(number): answer for number, answer in enumerate(WELL, start=1)}
    again = send(phone, form(by_number), assessment_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "other",
    [
        form([0, *WELL[1:]]), form(at=NOW - timedelta(minutes=1)), form() | {"time_zone": "America/Chicago"},
        form([1] * 7, scale="gad-7"),
    ],
)  # fmt: skip
def test_the_same_id_with_another_content_is_a_conflict(phone: PatientClient, other: dict[str, Any]) -> None:
    assessment_id = str(new_id())
    assert send(phone, form(), assessment_id).status_code == 201
    assert_problem(send(phone, other, assessment_id), 409, pointer="#/id", code="assessment-conflict")


def test_the_same_moment_under_another_id_is_a_conflict(phone: PatientClient) -> None:
    assert send(phone, form()).status_code == 201
    assert_problem(send(phone, form()), 409, pointer="#/taken_at", code="assessment-exists")


def test_an_id_belongs_to_one_patient_only(
    phone: PatientClient, one_clinic: ClinicClient, service: Service
) -> None:
    neighbour, assessment_id = one_clinic.enrol(one_clinic.patient(), service.url), str(new_id())
    assert send(phone, form(), assessment_id).status_code == 201
    assert send(neighbour, form([0] * 9), assessment_id).status_code == 201
    other_clinic = clinic_client(service)
    elsewhere = other_clinic.enrol(other_clinic.patient(), service.url)
    assert send(elsewhere, form([2] * 8 + [0]), assessment_id).status_code == 201
    other_clinic.close()
    (own,) = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/assessments").json()["items"]
    assert own["total"] == 7


def test_an_incomplete_form_is_refused_with_the_missing_items_named(phone: PatientClient) -> None:
    problem = assert_problem(send(phone, form([1, None, 2, 1, 0, None, 1, 0, 0])), 422, pointer="#/items")
    assert [(one["code"], one["items"]) for one in problem["errors"]] == [("missing-items", [2, 6])]
    assert "crisis_help" not in problem


@pytest.mark.parametrize("scale", ["madrs", "qids-sr16", "bdi", CANARY[:30]])
def test_only_what_is_offered_may_be_answered(phone: PatientClient, scale: str) -> None:
    refused = send(phone, form([0] * 10, scale=scale))
    assert_problem(refused, 422, pointer="#/scale", code="questionnaire-not-offered")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"items": [4] + [0] * 8}, "#/items"),
        ({"items": [0] * 10}, "#/items"),
        ({"items": {"10": 1}}, "#/items"),
        ({"items": "0"}, "#/items"),
        ({"items": [0, 1001]}, "#/items/1"),
        ({"items": {"2": 1001}}, "#/items/2"),
        ({"total": 7}, "#/total"),
        ({"time_zone": "Mars/Olympus"}, "#/time_zone"),
        ({"taken_at": "yesterday"}, "#/taken_at"),
        ({CANARY: 1}, f"#/{CANARY}"),
    ],
)
def test_a_wrong_field_is_named(phone: PatientClient, change: dict[str, Any], pointer: str) -> None:
    reply = send(phone, form() | change)
    document = reply.json()
    assert reply.status_code == 422
    assert pointer in [one["pointer"] for one in document["errors"]]


@pytest.mark.parametrize(
    ("off", "code"),
    [(timedelta(minutes=11), "assessment-in-future"), (-timedelta(days=31), "assessment-too-old")],
)
def test_a_phone_whose_clock_is_off_is_sent_our_time(phone: PatientClient, off: timedelta, code: str) -> None:
    problem = assert_problem(send(phone, form(at=NOW + off)), 422, pointer="#/taken_at", code=code)
    assert datetime.fromisoformat(problem["server_time"]) == NOW


def test_the_clinic_pages_through_forms_in_the_order_in_which_they_came(
    phone: PatientClient, one_clinic: ClinicClient
) -> None:
    path = f"/v1/patients/{phone.patient_id}/assessments"
    ids = [str(new_id()) for _ in range(6)]
    for number, assessment_id in enumerate(reversed(ids)):
        assert send(phone, form(at=NOW - timedelta(days=number)), assessment_id).status_code == 201
    found: list[str] = []
    url = f"{path}?limit=4"
    while url:
        reply = one_clinic.http.get(url)
        found += [one["id"] for one in reply.json()["items"]]
        url = reply.links.get("next", {}).get("url", "")
    assert sorted(found) == sorted(ids)
