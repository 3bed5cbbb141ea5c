"""The answer to a suicide item reaches the clinic, and help the person, whatever becomes of the questionnaire."""

import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.clinical.protocol import STANDARD
from app.foundation.ids import new_id
from app.notifications.messages.consent_text import CURRENT_VERSION
from tests.journeys.test_failed_evaluation import BreakableProtocol
from tests.support.databases import DatabaseUrls
from tests.support.people import NO_TLS, ZONE, ClinicClient, PatientClient, clinic_client
from tests.support.problems import CANARY
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service

SAID = [0] * 8 + [1]


@pytest.fixture
def phone(clinic: ClinicClient, service: Service) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def form(items: object = SAID, **more: object) -> dict[str, Any]:
    return {"scale": "phq-9", "taken_at": NOW.isoformat(), "time_zone": ZONE, "items": items} | more


def send(phone: PatientClient, body: object, assessment_id: str | None = None) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/v1/assessments/{assessment_id or new_id()}"
    return phone.http.put(path, content=content, headers={"content-type": "application/json"})


def events(clinic: ClinicClient) -> list[dict[str, Any]]:
    return list(clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"])


def assert_helps(reply: httpx2.Response) -> None:
    """Help is there, and neither a total nor a word about the answer."""
    shown = reply.json()
    assert {line["number"] for line in shown["crisis_help"]["lines"]} >= {"0800 1110111", "112"}
    assert_says_no_result(shown)


def assert_says_no_result(shown: dict[str, Any]) -> None:
    assert shown["crisis_help"]["not_monitored"]
    assert "total" not in shown
    assert "band" not in shown


@pytest.mark.parametrize(("answer", "urgent"), [(1, False), (2, False), (3, True)])
def test_an_answer_brings_help_at_once_and_one_event(
    clinic: ClinicClient, phone: PatientClient, receiver: Receiver, answer: int, urgent: bool
) -> None:
    receiver.secret = clinic.add_endpoint(receiver.url)["secret"]

    reply = send(phone, form([0] * 8 + [answer]))

    assert reply.status_code == 201
    assert_helps(reply)
    (event,) = events(clinic)
    assert (event["source"], event["source_id"], event["urgent"]) == (
        "assessment", reply.json()["id"], urgent,
    )  # fmt: skip
    (received,) = receiver.wait_for("safety.reported")
    assert received.event["data"]["safety_event_id"] == event["id"]


def test_no_answer_brings_no_help_and_no_word_of_relief(clinic: ClinicClient, phone: PatientClient) -> None:
    reply = send(phone, form([1] * 8 + [0]))
    assert reply.json()["crisis_help"] is None
    assert events(clinic) == []


def test_the_same_twice_is_one_event_and_help_twice(clinic: ClinicClient, phone: PatientClient) -> None:
    assessment_id = str(new_id())
    replies = [send(phone, form(), assessment_id) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [201, 200, 200]
    for reply in replies:
        assert_helps(reply)
    assert len(events(clinic)) == 1


REFUSED: dict[str, Any] = {
    "incomplete": form([None] * 8 + [2]),
    "by number, the others missing": form({"9": 1}),
    "out of range": form([9] + [0] * 7 + [1]),
    "the item itself out of range": form([0] * 8 + [7]),
    "from the future": form(taken_at=(NOW + timedelta(days=365)).isoformat()),
    "too old": form(taken_at=(NOW - timedelta(days=365)).isoformat()),
    "no zone": {name: value for name, value in form().items() if name != "time_zone"},
    "unknown field": form(**{CANARY: 1}),
    "the answer as a word": form([0] * 8 + ["yes"]),
    "another spelling": form(scale="PHQ 9", more=1),
    "not offered here": form([0] * 11 + [2] + [0] * 4, scale="qids-sr16"),
    "wrapped": {"form": form()},
    "broken off": json.dumps(form()).encode()[:-1],
    "not UTF-8": json.dumps(form(note="x")).encode()[:-2] + b"\xff\xfe}",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_form_that_is_refused_still_acts_once(
    clinic: ClinicClient, phone: PatientClient, body: object
) -> None:
    assessment_id = str(new_id())
    replies = [send(phone, body, assessment_id) for _ in range(2)]

    for reply in replies:
        assert reply.status_code in {400, 422}, reply.text
        assert_helps(reply)
        assert "safety_event_id" not in reply.json()
    (event,) = events(clinic)
    assert event["source"] == "refused_assessment"
    assert event["patient_id"] == phone.patient_id


def test_a_conflict_acts_too(clinic: ClinicClient, phone: PatientClient) -> None:
    assessment_id = str(new_id())
    assert send(phone, form([0] * 9), assessment_id).status_code == 201
    refused = send(phone, form(), assessment_id)
    assert refused.status_code == 409
    assert_helps(refused)
    assert len(events(clinic)) == 1


@pytest.mark.parametrize("token", [None, "Bearer agd_nonsense", f"Bearer agd_{0:032x}_x"])
def test_an_unsigned_request_notifies_nobody_but_helps(
    clinic: ClinicClient, service: Service, token: str | None
) -> None:
    headers = {"accept-language": "es-US,es;q=0.9"} | ({"authorization": token} if token else {})
    with httpx2.Client(base_url=service.url, headers=headers, timeout=30, verify=NO_TLS) as stranger:
        reply = stranger.put(f"/v1/assessments/{new_id()}", json=form())
    assert reply.status_code == 401
    assert_says_no_result(reply.json())
    help_now = reply.json()["crisis_help"]
    assert (help_now["locale"], help_now["country"]) == ("es", None)
    # Nobody knows where a stranger is: no country's number, which would be the wrong one elsewhere.
    (line,) = help_now["lines"]
    assert (line["kind"], line["number"]) == ("emergency", None)
    assert "llame al número de emergencias de su país" in line["label"]
    assert events(clinic) == []


def test_the_clinics_own_number_comes_with_the_help(clinic: ClinicClient, phone: PatientClient) -> None:
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    clinic.http.patch("/v1/clinic", json={"crisis_phone": "+1 555 0100"}, headers={"if-match": etag})
    for body in (form(), form([None] * 8 + [1])):
        numbers = [line["number"] for line in send(phone, body).json()["crisis_help"]["lines"]]
        assert "+1 555 0100" in numbers


def test_a_rule_that_fails_costs_neither_the_form_nor_the_answer(own_database: DatabaseUrls) -> None:
    rule = BreakableProtocol(**{field.name: getattr(STANDARD, field.name) for field in fields(STANDARD)})
    with running_service(own_database.application_url, protocol=rule, work=False) as service:
        clinic = clinic_client(service)
        phone = clinic.enrol(clinic.patient(), service.url)
        clinic.treat(phone.patient_id, last_infusion=NOW - timedelta(days=20))
        BreakableProtocol.broken = True
        try:
            reply = send(phone, form())
        finally:
            BreakableProtocol.broken = False
        assert reply.status_code == 201, reply.text
        assert_helps(reply)
        assert len(events(clinic)) == 1
        kept = clinic.http.get(f"/v1/patients/{phone.patient_id}/assessments").json()["items"]
        assert [one["id"] for one in kept] == [reply.json()["id"]]
        clinic.close()


def test_two_totals_at_relapse_level_by_the_patient_alone_raise_a_signal(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    clinic.treat(phone.patient_id, last_infusion=NOW - timedelta(days=27))
    for days, total in ((40, 18), (24, 4)):
        body = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=days)).isoformat(), "total": total}
        reply = clinic.http.post(f"/v1/patients/{phone.patient_id}/assessments", json=body)
        assert reply.status_code == 201, reply.text
    for days in (11, 0):
        said = form([2] * 8 + [0], taken_at=(NOW - timedelta(days=days)).isoformat())
        assert send(phone, said).status_code == 201

    (signal,) = clinic.signals(phone.patient_id)
    assert signal["criterion"] == "scale_relapse"


def test_after_consent_was_withdrawn_nothing_more_is_kept_but_an_answer_still_acts(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    kept = str(new_id())
    assert send(phone, form([0] * 9, taken_at=(NOW - timedelta(days=1)).isoformat()), kept).status_code == 201
    assert phone.http.post("/v1/me/consent", json={"version": CURRENT_VERSION, "accepted": True}).is_success
    assert phone.http.post("/v1/me/consent/withdraw", json={}).is_success

    refused = send(phone, form())

    assert refused.status_code == 409
    assert_helps(refused)
    (event,) = events(clinic)
    assert event["source"] == "refused_assessment"
    listed = clinic.http.get(f"/v1/patients/{phone.patient_id}/assessments").json()["items"]
    assert [one["id"] for one in listed] == [kept]
